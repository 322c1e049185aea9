// Package proof has only tests. They show that a run can be recovered and replayed from its
// journal alone, whatever happens to the program, to the disk, and to the journal.
//
//   - faults_test.go: the disk fails, is full, or crashes.
//   - cuts_test.go: the journal is cut off anywhere, or one of its bytes changes.
//   - impure_test.go: the program is not deterministic.
//   - laws_test.go: random programs, recovered after any input.
//   - drivers_test.go: devices that the drivers hold open when the program crashes.
//   - kill_test.go: a process that is killed, again and again.
package proof
