// Package proof has nothing but tests: that a run can be told from its journal
// alone, whatever happens to the program, to the disk, and to the journal.
//
//   - faults_test.go: the disk fails, is full, or crashes.
//   - cuts_test.go: the journal is cut off anywhere, or a byte of it changes.
//   - impure_test.go: the program is not deterministic.
//   - laws_test.go: programs at random, recovered from anywhere.
//   - drivers_test.go: what the drivers hold open when the program crashes.
//   - kill_test.go: a process that is killed, again and again.
package proof
