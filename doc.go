// Package marketplace is for whole programs made of processes that converse
// through a shared dataspace. [Main] runs one: a list of process types, and what
// the program starts with. It brings the drivers, the flags for a journal, signals
// and the exit status.
//
//	var greeters = actions.Define("hello.greeter", greeter.open)
//
//	func main() {
//		marketplace.Main(marketplace.Program{
//			Types: []actions.Type{greeters.Type},
//			Start: func() actions.Action { return greeters.Spawn(greeter{"world"}) },
//		})
//	}
//
// Processes are described in package actions, and their endpoints in package
// endpoint. To run a machine inside another program, use package ground, which is
// what Main does. The folder examples has whole programs.
package marketplace
