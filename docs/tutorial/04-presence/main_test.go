package main

func Example() {
	main()
	// Output:
	// owner: somebody cooks soup
	// cook: table 4 may ask for soup
	// cook: one soup for table 4
	// waiter: no more soup: no gas
}
