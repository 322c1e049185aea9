package timer

import (
	"cmp"
	"time"
)

// An instant is a time in a form that is fast to compare. It represents every
// time.Time, without its location.
type instant struct {
	sec  int64 // since 1970
	nsec int32
}

func instantOf(t time.Time) instant { return instant{t.Unix(), int32(t.Nanosecond())} }

func (i instant) time() time.Time { return time.Unix(i.sec, int64(i.nsec)).UTC() }

func (i instant) compare(j instant) int {
	if i.sec != j.sec {
		return cmp.Compare(i.sec, j.sec)
	}
	return cmp.Compare(i.nsec, j.nsec)
}

func (i instant) before(j instant) bool { return i.compare(j) < 0 }

func earlier(i, j instant) instant {
	if j.before(i) {
		return j
	}
	return i
}
