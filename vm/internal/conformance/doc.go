// Package conformance runs the scenarios in testdata/conformance, which hold what
// the original system does, and compares the results. The environment variable
// MARKETPLACE_CONFORMANCE names a folder with more of them.
//
// The tests use what package vm exports, and nothing else.
package conformance
