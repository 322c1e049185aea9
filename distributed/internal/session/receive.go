package session

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// Superseded reports whether data, which is of the same client, is the HELLO of a later
// session. If it
// is, the session ends, unless it has ended before, and the caller passes data on to
// [Accept]. The home asks this for each frame, before [Session.Receive], and keeps a
// session that has ended, so that a HELLO that is late begins none.
func (s *Session) Superseded(data []byte) (Output, bool) {
	f, err := wire.ReadFrame(data)
	switch {
	case err != nil || f.Kind != wire.HELLO || f.ID.Compare(s.id) <= 0:
		return Output{}, false
	case s.phase == ended:
		return Output{}, true
	}
	return s.over(ErrReplaced), true
}

// Receive says that a frame has arrived, which it may keep.
func (s *Session) Receive(now time.Duration, data []byte) Output {
	if s.phase == ended {
		return Output{Frame: Stray(data)}
	}
	if out, over := s.enter(now); over {
		return out
	}
	f, err := wire.ReadFrame(data)
	switch {
	case err != nil:
		return s.end(err)
	case f.ID != s.id:
		return Output{Frame: stray(f)}
	}
	out, err := s.take(f)
	if err != nil {
		return s.end(err)
	}
	s.rang = now
	if out.Frame != nil {
		s.told = now
	}
	return out
}

// take takes a frame of this session. An error ends the session.
func (s *Session) take(f wire.Frame) (Output, error) {
	switch {
	case f.Kind == wire.BYE:
		return s.bye(f)
	case !s.home && f.Kind == wire.WELCOME && s.phase == dialing:
		return s.welcomed(f)
	case !s.home && f.Kind == wire.REFUSE && s.phase == dialing:
		reason, err := wire.ReadReason(f.Body)
		if err != nil {
			return Output{}, err
		}
		return s.over(refused(reason)), nil
	case s.phase == dialing && (f.Kind == wire.DATA || f.Kind == wire.BEAT):
		return Output{}, fmt.Errorf("%w: the WELCOME is one", ErrGap)
	case f.Kind == wire.DATA:
		return s.data(f)
	case f.Kind == wire.BEAT:
		limit, err := wire.ReadLimit(f.Body)
		if err == nil {
			err = s.whole(f)
		}
		if err == nil && limit < s.limit {
			err = fmt.Errorf("%w: the limit falls from %d to %d", wire.ErrMalformed, s.limit, limit)
		}
		if err == nil {
			s.limit = limit
		}
		return Output{}, err
	}
	return Output{}, fmt.Errorf("%w: a %v frame at this point", wire.ErrMalformed, f.Kind)
}

// whole returns an error unless this side has all DATA frames that were sent before f.
func (s *Session) whole(f wire.Frame) error {
	if f.Seq != s.got {
		return fmt.Errorf("%w: %d have arrived of %d", ErrGap, s.got, f.Seq)
	}
	return nil
}

func (s *Session) welcomed(f wire.Frame) (Output, error) {
	w, err := wire.ReadWelcome(f.Body)
	switch {
	case err != nil:
		return Output{}, err
	case f.Seq != 0:
		return Output{}, s.whole(f)
	case s.place.Epoch != 0 && s.place.Epoch != w.Epoch:
		return Output{}, fmt.Errorf("%w: epoch %d was wanted, and the place has %d", wire.ErrMalformed, s.place.Epoch, w.Epoch)
	}
	s.phase, s.place.Epoch, s.beat, s.limit = joined, w.Epoch, w.Heartbeat, w.Window
	return Output{Event: Joined{w.Epoch}}, nil
}

func (s *Session) data(f wire.Frame) (Output, error) {
	n := uint64(len(f.Body))
	switch {
	case f.Seq != s.got+1:
		return Output{}, fmt.Errorf("%w: frame %d has arrived after %d", ErrGap, f.Seq, s.got)
	case n == 0 || n > wire.MaxBody:
		return Output{}, fmt.Errorf("%w: a body has %d bytes", wire.ErrMalformed, n)
	case n > s.granted-s.gotSize:
		return Output{}, fmt.Errorf("%w: %d bytes were sent, and %d are allowed", wire.ErrMalformed, s.gotSize+n, s.granted)
	}
	s.got++
	s.gotSize += n
	return Output{Event: Data{f.Seq, f.Body}}, nil
}

func (s *Session) bye(f wire.Frame) (Output, error) {
	reason, err := wire.ReadReason(f.Body)
	switch {
	case err != nil:
		return Output{}, err
	case reason != nil:
		return s.over(reason), nil
	case f.Seq != s.got:
		return s.over(s.whole(f)), nil
	}
	return s.over(ErrLeft), nil
}

// refused returns the reason of an end by a REFUSE frame.
func refused(reason error) error {
	switch {
	case reason == nil:
		return ErrRefused
	case errors.Is(reason, ErrRefused):
		return reason
	}
	return fmt.Errorf("%w: %w", ErrRefused, reason)
}
