package journal

import "fmt"

// A sample is the trace of an input at a regular interval, in a journal whose other inputs have
// none: the first steps, and then the states of the first processes of known types that had
// them, without texts. So a replay compares, now and then, what is in messages and states, and
// an impurity that shows only there does not stay hidden. A sample is not part of the digest,
// and only the build that has taken it is compared with it: another one may have other types.
// It is one entry, which a crash leaves whole or not at all.

// The limits of a sample.
const (
	sampleSteps  = 64
	sampleStates = 16
	sampleName   = 1000 // bytes: the steps of processes with longer names are left out
)

// samples reports whether an input under the head has a sample.
func (h *Head) samples(seq uint64) bool {
	return h.Format >= 5 && !h.Trace && h.Every > 0 && seq%h.Every == 0
}

// sample says whether the next input has a sample.
func (p *player) sample(on bool) {
	if p.sampled != on {
		p.sampled = on
		p.updateWatch()
	}
}

// expectSample says whether the next input of a replay has a sample that can be compared.
func (p *player) expectSample(e *recordedInput) {
	if e.head == nil || !e.head.samples(e.Seq) {
		p.sample(false)
		return
	}
	e.traces = e.traces && !e.unchecked && e.head.Program == p.fingerprint && e.head.States == p.hasTypes
	if !e.traces {
		e.trace = nil
	}
	p.sample(e.traces)
}

// textOr returns the text of a recorded step, or says that there is none.
func (s *step) textOr() string {
	if s.text == "" {
		return fmt.Sprintf("something else, of which the journal has only the digest %v", s.sum)
	}
	return s.text
}
