// Package waltest has a disk that fails, for tests of code that uses a log.
//
// A [Disk] is a wal.Store in memory that distinguishes what was written from what
// was synced. It can fail single operations, write less than it should, be full, and
// crash at any operation. [Disk.Crash] returns a disk as it may be after the crash;
// the same choices give the same disk.
package waltest
