// Package wal is an append-only log of records, each of which is some bytes
// that mean nothing to the log.
//
// A [Log] is written by one process, which holds its lock, and may be read by
// others at the same time, with [Read] or [Verify]. It lies in a [Store]: a
// folder ([Dir]), memory ([NewMemory]), or something that fails on purpose
// (package waltest).
//
// # What is promised
//
// A record is on disk when [Log.Sync] has returned nil after it was appended,
// and is there after any crash. What was appended but not synced may be lost,
// but only from the end: what [Open] finds is what was appended, up to some
// record. A write or sync that fails is never tried again, since nobody knows
// what it has left behind; the log is finished, and says so with [ErrFailed].
//
// Every record is bound to the one before it by a hash. A byte that has changed
// is found, and where: segment, offset and index of the record. A record that
// was changed together with its hash is found because the next one does not
// follow from it any more. Only somebody who computes all hashes anew, from his
// change to the end of the log, or who removes its end, goes unnoticed; who
// wants to notice that keeps [Report.Hash] in another place.
//
// # Torn or damaged
//
// A crash may leave records half written. Those are cut off when the log is
// opened, and [Recovery] says so. Damage to records that were on disk for sure
// is another matter: Open refuses such a log with a [DamageError], unless it is
// given permission to cut it ([Options].Cut). To tell the one from the other,
// each record says how many records before it are known to be on disk. If
// records follow that are intact, and one of them proves that a bad one was on
// disk, that is damage.
//
// A log whose owner has never called Sync relies on the system to survive, and
// writes reach the system in order. If intact records follow a bad one there,
// that is damage as well.
//
// Nothing proves that the last records were on disk, if none follows. A torn
// write and a change cannot be told apart there, and [Report].Ambiguous says
// so.
//
// # Format
//
// A log is a number of segments, which are files. The name of a segment is the
// index of its first record, in 20 digits, and ".journal". Numbers are
// little-endian. A segment begins with 48 bytes:
//
//	7 bytes   "mpjourn"
//	1 byte    the version of the format, 1
//	8 bytes   index of the first record
//	16 bytes  hash of this header: of what is before, and what is behind it
//	16 bytes  hash of the record before the segment; zeros before record 1
//
// Then come the records:
//
//	4 bytes   length of the body
//	body      a mark, as an unsigned varint, and the payload
//	16 bytes  hash: SHA-256 of the hash before the record, the length, and the
//	          body, of which the first 16 bytes are taken
//
// So the 16 bytes before a record are always the hash that it follows from, and
// an intact record can be told by itself, wherever it is. The mark is 0 if the
// owner of the log has never called Sync; otherwise it is 1 more than the number
// of records of this segment that were known to be on disk when the record was
// appended. All records of earlier segments are on disk, always: a segment is
// synced before the next one is created.
package wal
