// Package waltest has a disk that fails, for tests of what lies on a log.
//
// A [Disk] is a wal.Store in memory that distinguishes what was written from
// what was synced. It can refuse single operations, write less than it should,
// be full, and crash at any operation; [Disk.Crash] returns one of the disks
// that may be found afterwards. The same choices give the same disk.
package waltest
