package simnet

// A ringBuffer is a queue of at most limit bytes. Its memory grows as needed.
type ringBuffer struct {
	limit  int
	buf    []byte
	start  int // index of the first byte
	length int
}

// push appends as much of p as there is room for, and returns how many bytes that
// is.
func (r *ringBuffer) push(p []byte) int {
	p = p[:min(len(p), r.limit-r.length)]
	if len(p) == 0 {
		return 0
	}
	if need := r.length + len(p); need > len(r.buf) {
		bigger := make([]byte, min(max(need, 2*len(r.buf), 512), r.limit))
		length := r.pull(bigger)
		r.buf, r.start, r.length = bigger, 0, length
	}
	end := (r.start + r.length) % len(r.buf)
	n := copy(r.buf[end:], p)
	copy(r.buf, p[n:])
	r.length += len(p)
	return len(p)
}

// pull moves up to len(p) bytes out of the queue into p, and returns how many.
func (r *ringBuffer) pull(p []byte) int {
	p = p[:min(len(p), r.length)]
	if len(p) == 0 {
		return 0
	}
	n := copy(p, r.buf[r.start:])
	copy(p[n:], r.buf)
	r.start = (r.start + len(p)) % len(r.buf)
	r.length -= len(p)
	return len(p)
}

// drop empties the queue and frees its memory.
func (r *ringBuffer) drop() { r.buf, r.start, r.length = nil, 0, 0 }
