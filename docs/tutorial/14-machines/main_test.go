package main

func Example() {
	main()
	// Output:
	// waiter: one soup
	// waiter: there is no cook any more: no gas
}
