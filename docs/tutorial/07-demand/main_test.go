package main

func Example() {
	main()
	// Output:
	// oven: heated to 220
	// oven: heated to 180
	// baker: the bread is done
	// baker: the pie is done
	// baker: the tart is done
	// oven: 220 is off
	// oven: 180 is off
}
