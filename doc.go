// Package marketplace is the root of a module of packages for programs made of
// processes that converse through a shared dataspace. Begin with package vm,
// and with the programs in examples.
package marketplace
