package main

func Example() {
	main()
	// Output:
	// kitchen: one soup for table 4
	// waiter: sorry, table 7, the swordfish is off
}
