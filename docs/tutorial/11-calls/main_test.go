package main

func Example() {
	main()
	// Output:
	// waiter: do sit down
	// waiter: 2 bottles of Riesling, and 4 are left
	// waiter: no Barolo: there is not enough of it
}
