package main

func Example() {
	main()
	// Output:
	// kitchen: one soup, coming up
	// kitchen: one tart, coming up
}
