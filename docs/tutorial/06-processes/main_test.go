package main

func Example() {
	main()
	// Output:
	// table 1: 3 pieces each
	// manager: table 1 has lost its waiter: <nil>
	// manager: table 2 has lost its waiter: not enough pieces
	// manager: table 3 has lost its waiter: vm: panic: runtime error: integer divide by zero
	// manager: table 4 has lost its waiter: closing time
}
