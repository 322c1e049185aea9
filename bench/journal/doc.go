// Package journal compares the log of package journal/wal to another one,
// github.com/tidwall/wal, and to a plain file. It is a module of its own, so
// that the other log is nobody's dependency.
//
//	cd bench/journal
//	go test -bench . -count 5
//
// What is compared is done in turns, so that both have the same of a disk and a
// machine that are not equally fast all the time. Printed are the time of each
// for one record, and how many times faster ours is: the ratio of the sums, and
// of the medians. The logs are in the folder for temporary files; set TMPDIR to
// measure another disk.
package journal
