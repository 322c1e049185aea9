package main

func Example() {
	main()
	// Output:
	// till: 1250 cents from table 4
	// till: 2900 cents from table 7
	// till: 2 bills, 4150 cents
}
