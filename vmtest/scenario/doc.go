// Package scenario interprets the programs of the conformance corpus, and compares what
// their processes are told with what the original system tells them. The corpus is in
// vm/internal/conformance/testdata.
//
// The machines of a program are virtual machines inside each other ([Play]), or whatever a
// [Stage] makes of them. So the tests of several packages run the same programs. The package
// is for the tests of this library, and may change with them.
package scenario
