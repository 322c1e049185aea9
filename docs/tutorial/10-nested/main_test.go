package main

func Example() {
	main()
	// Output:
	// guest: ah, the soup
}
