package wal

// A Report is the result of verifying a log.
type Report struct {
	Segments int    // files, intact or not
	First    uint64 // index of the oldest record; if there are no records, that of the next one
	Last     uint64 // index of the last record of the intact part; First-1 if there are none
	Records  uint64 // how many records the intact part has
	Bytes    int64  // size of the intact part, with the headers of its segments

	// Synced is the index of the last record that was certainly once on disk, as an
	// intact part of the log proves. It may be greater than Last.
	Synced uint64

	// Hash is the hash of the record Last. If that record has another hash later,
	// the log has been rewritten.
	Hash Hash

	// Damage says where the intact part ends, if that is not the end of the log.
	Damage *DamageError

	// Ambiguous says that nothing proves that the record at Damage was on
	// disk: a torn write and a change cannot be distinguished. Open would cut the
	// log off there, and go on.
	Ambiguous bool

	// Headers are damaged headers of segments, the oldest first, in the intact part: the
	// records prove what they were. Open would rebuild them.
	Headers []*DamageError
}

// Verify reads a whole log, and reports on it. It needs no lock. If the log is
// written meanwhile, Verify reports a half-written record as ambiguous damage. If
// progress is not nil, Verify calls it from time to time with the number of bytes
// that it has read, and that there are.
//
// The error is about reading; it is [ErrNoLog] if there is no log. What is wrong
// with the log is in the report.
func Verify(s Store, progress func(done, total int64)) (Report, error) {
	v, err := again(func() (*survey, error) { return surveyLog(s, progress) })
	if err != nil {
		return Report{}, err
	}
	if len(v.segs) == 0 {
		return Report{}, ErrNoLog
	}
	var headers []*DamageError
	for _, h := range v.headers {
		headers = append(headers, h.damage())
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
		Headers:   headers,
	}, nil
}
