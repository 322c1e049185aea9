// Package conformance runs the scenarios in testdata/conformance, and compares the
// results with those of the original system, which the scenarios contain. The
// environment variable MARKETPLACE_CONFORMANCE names a folder with more scenarios.
//
// The tests use only what package vm exports.
package conformance
