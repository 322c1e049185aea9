// Package wal is an append-only log of records. A record is a string of bytes; the
// log does not interpret it.
//
// One process writes a [Log], and holds its lock. Others may read it at the same
// time, with [Read] or [Verify], and get what is written from then on, with [Follow]. A log is kept in a [Store]: a folder ([Dir]),
// memory ([NewMemory]), or a store that fails on purpose (package waltest).
//
// # What is promised
//
// A record is on disk when [Log.Sync] has returned nil after it was appended,
// and survives any crash. What was appended but not synced may be lost, but only
// from the end: [Open] finds what was appended, up to some record. The log never
// repeats a write or sync that has failed, because nobody knows what it has left
// behind. The log then fails for good, with [ErrFailed].
//
// A hash binds every record to the one before it. So the log finds a byte that has
// changed, and reports segment, offset and index of the record. If a record was
// changed together with its hash, the next record does not follow from it any
// more. Two changes go unnoticed: if all hashes from a change to the end of the log
// are computed anew, and if the end of the log is removed. To notice these, keep
// [Report.Hash] in another place.
//
// # Torn or damaged
//
// A crash may leave records half written. Open cuts them off, and [Recovery] says
// so. What is cut off is moved to another file, never deleted, and [Salvage] reads it.
// Records that note a cut ([Options].Next) and the cut are one: a crash leaves both or
// neither. Damage to records that were certainly on disk is different: Open refuses such
// a log with a [DamageError], unless [Options].Cut permits it to cut the log. To
// distinguish the two, each record says how many records before it are known to be
// on disk. If an intact record follows a bad one, and proves that the bad one was
// on disk, that is damage.
//
// A log whose owner has never called Sync relies on the system to survive, and
// writes reach the system in order. If intact records follow a bad one there, that
// is damage as well.
//
// If no record follows the last ones, nothing proves that they were on disk. A torn
// write and a change cannot be distinguished there, and [Report].Ambiguous says so.
//
// If the header of a segment is damaged, and the first record is not, Open rebuilds it,
// and readers read the segment in spite of it, because what it says is also elsewhere.
// Where older segments have been dropped, the hash before the oldest one is only in its
// header; there, a single changed byte can be restored.
//
// # Format
//
// A log is a number of segments, which are files. The name of a segment is the
// index of its first record, in 20 digits, and ".journal". Numbers are
// little-endian. A segment begins with 48 bytes:
//
//	7 bytes   "mpjourn"
//	1 byte    the version of the format, 1; or 255, if the store is encrypted (package keys)
//	8 bytes   index of the first record
//	16 bytes  hash of this header: of what is before, and what is behind it
//	16 bytes  hash of the record before the segment; zeros before record 1
//
// Then come the records:
//
//	4 bytes   length of the body
//	body      the synced count, as an unsigned varint, and the payload
//	16 bytes  hash: SHA-256 of the hash before the record, the length, and the
//	          body, of which the first 16 bytes are taken
//
// So the 16 bytes before a record are always the hash that the record follows
// from, and an intact record can be recognised wherever it is. The synced count is
// 0 if the owner of the log has never called Sync; otherwise it is 1 more than the
// number of records of this segment that were known to be on disk when the record
// was appended. All records of earlier segments are always on disk: the log syncs a
// segment before it creates the next one.
package wal
