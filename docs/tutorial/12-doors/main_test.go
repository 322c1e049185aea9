package main

func Example() {
	main()
	// Output:
	// to pay: 10 <nil>
	// out of the kitchen: tiramisu
	// the hatch is closed: context canceled
}
