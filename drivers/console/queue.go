package console

import (
	"fmt"
	"slices"
)

// A queue has the texts that wait for the output. It is a value: its methods do not
// change it.
type queue struct {
	oldest *text // the first texts to write, the oldest first
	newest *text // the texts after them, the newest first
	size   int   // of all texts, in bytes as [Config.Limit] counts them

	lost amount // the texts that came after these and were left out
}

// A text is one that waits, linked to those behind it.
type text struct {
	text string
	of   amount // the text itself, or the texts that it reports as left out
	next *text
}

// An amount is a number of texts, and of their bytes.
type amount struct{ Texts, Bytes int }

// itself is the amount of one text.
func itself(t string) amount { return amount{1, len(t)} }

func (a amount) and(b amount) amount { return amount{a.Texts + b.Texts, a.Bytes + b.Bytes} }

// overhead is how many bytes a text counts for besides its length.
const overhead = 16

// room reports whether there is room for a text.
func (q queue) room(limit int, t string) bool {
	return q.size == 0 || len(t) <= limit-overhead-q.size
}

// push adds a text.
func (q queue) push(t string) queue { return q.add(t, itself(t)) }

// add adds a text that stands for others.
func (q queue) add(t string, of amount) queue {
	q.newest = &text{t, of, q.newest}
	q.size += len(t) + overhead
	return q
}

// lose counts texts that are left out.
func (q queue) lose(a amount) queue {
	q.lost = q.lost.and(a)
	return q
}

// report adds a text that says how many texts were left out, if any.
func (q queue) report() queue {
	if q.lost.Texts == 0 {
		return q
	}
	texts := "texts have"
	if q.lost.Texts == 1 {
		texts = "text has"
	}
	note := fmt.Sprintf("console: %d %s been left out here, %d bytes in all\n", q.lost.Texts, texts, q.lost.Bytes)
	q = q.add(note, q.lost)
	q.lost = amount{}
	return q
}

// take takes the oldest text, and as many after it as fit into most bytes together.
func (q queue) take(most int) (write, queue) {
	var w write
	for q.size > 0 {
		if q.oldest == nil {
			for t := q.newest; t != nil; t = t.next {
				q.oldest = &text{t.text, t.of, q.oldest}
			}
			q.newest = nil
		}
		t := q.oldest
		if w.Of.Texts > 0 && len(w.Bytes)+len(t.text) > most {
			break
		}
		if w.Of.Texts == 0 {
			w.Bytes = make([]byte, 0, max(len(t.text), min(q.size, most)))
		}
		w.Bytes = append(w.Bytes, t.text...)
		w.Of = w.Of.and(t.of)
		q.oldest = t.next
		q.size -= len(t.text) + overhead
	}
	return w, q
}

// texts returns all texts that wait, the oldest first.
func (q queue) texts() []*text {
	var all, newer []*text
	for t := q.oldest; t != nil; t = t.next {
		all = append(all, t)
	}
	for t := q.newest; t != nil; t = t.next {
		newer = append(newer, t)
	}
	slices.Reverse(newer)
	return append(all, newer...)
}
