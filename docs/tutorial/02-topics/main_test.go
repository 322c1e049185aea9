package main

func Example() {
	main()
	// Output:
	// true true false
	// main.Order{Table: 4, Dish: ~"*soup"} true
	// false
}
