package wal

// A Report says what a look at a whole log has brought to light.
type Report struct {
	Segments int    // files, intact or not
	First    uint64 // index of the oldest record; if there are no records, that of the one to come
	Last     uint64 // index of the last record of the intact part; First-1 if there are none
	Records  uint64 // how many records the intact part has
	Bytes    int64  // size of the intact part, with the headers of its segments

	// Synced is the index of the last record of which something intact proves
	// that it was once on disk. It may be greater than Last.
	Synced uint64

	// Hash is the hash of the record Last. A log that has another hash there
	// later has been written anew.
	Hash Hash

	// Damage is where the intact part ends, if it is not the end of the log.
	Damage *DamageError

	// Ambiguous says that nothing proves that the record at Damage was on
	// disk: a torn write and a change cannot be told apart. Open would cut the
	// log off there, and go on.
	Ambiguous bool
}

// Verify reads a whole log, and reports on it. It needs no lock; if the log is
// written meanwhile, a record that is half written is reported as ambiguous
// damage. If progress is not nil, it is called now and then with the number of
// bytes that have been read, and that there are.
//
// The error is about reading; [ErrNoLog] if there is no log. What is wrong with
// the log is in the report.
func Verify(s Store, progress func(done, total int64)) (Report, error) {
	v, err := again(func() (*survey, error) { return look(s, progress) })
	if err != nil {
		return Report{}, err
	}
	if len(v.segs) == 0 {
		return Report{}, ErrNoLog
	}
	return Report{
		Segments:  len(v.segs),
		First:     v.first,
		Last:      v.last,
		Records:   v.last + 1 - v.first,
		Bytes:     v.bytes,
		Synced:    v.synced,
		Hash:      v.hash,
		Damage:    v.flaw,
		Ambiguous: v.flaw != nil && v.torn,
	}, nil
}
