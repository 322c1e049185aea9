// Package journal compares the log of package journal/wal with another one,
// github.com/tidwall/wal, and with a plain file. It is a module of its own, so that the
// other log is not a dependency of the library.
//
//	cd bench/journal
//	go test -bench . -count 5
//
// Both logs run in turns, so that changes in the speed of the disk and the computer affect
// both alike. The benchmarks print the time of each log for one record, and how many times
// faster package journal/wal is: the ratio of the sums, and of the medians. The logs are
// in the folder for temporary files; set TMPDIR to measure another disk.
package journal
