package wal

// A rest says what follows a record that is not intact.
type rest struct {
	records   int    // how many intact ones there are
	maxSynced uint64 // the greatest of their synced counts
	unknown   bool   // the search was given up, because it would take too long
}

// searchBudget limits the search for intact records: it may compute hashes in vain
// of so many bytes, and of eight times the bytes that it searches.
const searchBudget = 16 << 20

// readRest searches for intact records behind a bad one at an offset.
func readRest(w *window, offset int64) (rest, error) {
	var r rest
	at, err := r.next(w, offset)
	if err != nil {
		return r, err
	}
	budget := searchBudget + 8*(w.size-offset)
	for w.size-at >= int64(minFrame) {
		f, reason, err := frameAt(w, at, nil)
		if err != nil {
			return r, err
		}
		if reason == "" && r.add(f) {
			at = f.end
			continue
		}
		if budget -= max(f.end-at, 0); budget < 0 {
			r.unknown = true
			break
		}
		at++
	}
	return r, nil
}

// next tries the offset where the record behind a bad one begins if the length of
// the bad one is still right, and returns where the search goes on. If there is an
// intact record, the search finds all the others directly.
func (r *rest) next(w *window, offset int64) (int64, error) {
	body, reason, err := bodyAt(w, offset)
	if err != nil || reason != "" {
		return offset + 1, err
	}
	// Perhaps only the hash of the bad record has changed. The next record still
	// follows from the original hash.
	was, _, err := sumAt(w, offset, body, nil)
	if err != nil {
		return 0, err
	}
	for _, before := range []*Hash{nil, &was} {
		f, reason, err := frameAt(w, offset+int64(lengthSize+hashSize)+body, before)
		if err != nil {
			return 0, err
		}
		if reason == "" && r.add(f) {
			return f.end, nil
		}
	}
	return offset + 1, nil
}

// add counts an intact record, if its synced count is possible.
func (r *rest) add(f frame) bool {
	if !f.possible() {
		return false
	}
	r.records++
	r.maxSynced = max(r.maxSynced, f.synced)
	return true
}
