package journal

import (
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// A player collects the results of each input of a machine. It applies the inputs itself,
// in a replay, or watches a machine that a ground runs.
type player struct {
	machine  *vm.Machine
	current  atomic.Pointer[vm.Machine] // the machine, for other goroutines
	watcher  *vm.Watcher                // of the machine
	onRecord func(*vm.Record)           // gets all records of the machine; may be nil
	types    image.Types

	fingerprint string // of the program
	hasTypes    bool
	keepsStates bool // the trace has states
	effects
	trace   bool // steps are collected
	sampled bool // the first steps of the current input are collected: see sample
	steps   []step
	changes []presenceChange
	touched []vm.Path // of processes whose states may have changed, for the trace

	before  *checkpoint // the state before a StopAsked; nil if no stop is in progress
	stopped uint64      // the last input before the StopAsked
	resumed bool        // the next start records all endpoints, because the presence log does not have them as they are
	adopts  string      // why those that the presence log has are gone, if they are

	// lost is the first input from which the machine differs from the recorded one, because a
	// value has been erased since; 0 if it does not.
	lost uint64

	expecting
}

// newPlayer returns a player with a machine that has not started yet.
func newPlayer(program Program) (*player, error) {
	if program.Boot == nil {
		return nil, fmt.Errorf("journal: the Program has no Boot: make it with journal.Booting, or set Boot")
	}
	types, err := image.NewTypes(program.Types...)
	if err != nil {
		return nil, err
	}
	p := &player{types: types, hasTypes: len(program.Types) > 0, fingerprint: program.fingerprint()}
	p.setMachine(vm.Config{Digest: true}.NewFunc(program.Boot))
	return p, nil
}

// A checkpoint is the state of a player between two inputs, from which it can go on.
type checkpoint struct {
	state   vm.State
	sum     vm.Digest // of what the machine's own digest leaves out
	version fingerprint.Version
	lost    uint64 // as in a player
}

// digest returns the digest of all that has happened.
func (m *checkpoint) digest() vm.Digest { return m.state.Digest().Mix(uint64(m.sum)) }

// digest returns the digest of all that has happened: what the processes have done, the
// commands, and each step, if there is a trace.
func (p *player) digest() vm.Digest { return p.machine.Digest().Mix(uint64(p.sum)) }

func (p *player) checkpoint() *checkpoint {
	return &checkpoint{p.machine.Snapshot(), p.sum, p.version, p.lost}
}

// restore makes the player go on from a checkpoint.
func (p *player) restore(m *checkpoint) {
	p.setMachine(m.state.Machine(nil))
	p.sum, p.version, p.lost = m.sum, m.version, m.lost
}

// setMachine makes m the machine of p.
func (p *player) setMachine(m *vm.Machine) {
	p.machine, p.devices = m, nil
	p.current.Store(m)
	p.watcher = m.Watch(vm.Changes, p.watch)
	p.updateWatch()
}

// updateWatch subscribes to the records that the player needs now, and no others.
func (p *player) updateWatch() {
	set := vm.Changes
	if p.onRecord != nil || p.trace || p.sampled || p.resumed {
		set = vm.AllRecords
	}
	p.watcher.Set(set)
}

// watch gets the records of the machine.
func (p *player) watch(r *vm.Record) {
	if r.Kind == vm.Commanded {
		p.command(&r.Command)
		if p.devices != nil && r.Command.Kind == vm.Open {
			p.devices.add(p.machine, r.Command.Address)
		}
	}
	p.changes = appendChanges(p.changes, r)
	if p.resumed && r.Kind == vm.Entered {
		p.resumed = false
		p.recordEndpoints()
		p.updateWatch()
	}
	if (p.trace || p.sampled) && traced(r) {
		p.step(r)
	}
	if p.onRecord != nil {
		p.onRecord(r)
	}
}

// adopt makes the next start record all endpoints. Why says why those that the presence log
// has are gone.
func (p *player) adopt(why string) {
	p.resumed, p.adopts = true, why
	p.updateWatch()
}

// Why the presence log does not have the endpoints of a machine.
const (
	takenOver = "another program has taken over"
	hasErased = "values were erased from the history"
)

// recordEndpoints adds all endpoints of the machine to the presence changes, because in
// the presence log the stop of the run before has ended them, or there are others.
func (p *player) recordEndpoints() {
	if p.adopts != "" {
		p.changes = append(p.changes, presenceChange{op: gone, why: p.adopts})
		p.adopts = ""
	}
	p.changes = appendEndpoints(p.changes, p.machine)
}

// step adds a step, and compares it with the recorded one.
func (p *player) step(r *vm.Record) {
	if r.Kind == vm.Told || r.Kind == vm.Spawned {
		p.touch(r)
	}
	if p.sampled && (p.seen >= sampleSteps || len(r.Name()) > sampleName) {
		return
	}
	var s step
	s, p.buf = newStep(r, p.version, p.buf, p.expected == nil && !p.sampled)
	p.add(s, func() string { return describe(r) })
}

// touch notes that the state of a process may have changed.
func (p *player) touch(r *vm.Record) {
	if !p.keepsStates || p.sampled && (len(p.touched) == sampleStates || len(r.Name()) > sampleName) {
		return
	}
	path := r.Path()
	if !slices.ContainsFunc(p.touched, func(t vm.Path) bool { return slices.Equal(t, path) }) {
		p.touched = append(p.touched, path)
	}
}

// states adds the states of the touched processes that are of known types.
func (p *player) states() {
	for _, path := range p.touched {
		info, ok := p.machine.Process(path)
		if !ok {
			continue
		}
		kind, ok := p.types.ByState(reflect.TypeOf(info.State))
		if !ok {
			continue
		}
		data, err := stateEncoder(codec.Veiled)(kind, info.State)
		if err != nil {
			data = p.version.Append(nil, info.State)
		}
		s := step{path: path, name: noted(info.Name)}
		s.sum = s.sum.MixBytes(data)
		stateText := func() string { return abridged("state of " + kind.Name + ": " + brief.String(text.State, info.State)) }
		if p.expected == nil && !p.sampled {
			s.text = stateText()
		}
		p.add(s, stateText)
	}
	p.touched = p.touched[:0]
}

// stateEncoder returns a function that encodes the state of a process of a type.
func stateEncoder(c *codec.Codec) func(actions.Type, any) ([]byte, error) {
	return func(k actions.Type, state any) ([]byte, error) {
		if k.Encode != nil {
			return k.Encode(state)
		}
		return c.AppendValue(nil, state)
	}
}

// stateDecoder returns a function that decodes the state of a process of a type.
func stateDecoder(c *codec.Codec) func(actions.Type, []byte) (any, error) {
	return func(k actions.Type, data []byte) (any, error) {
		if k.Decode != nil {
			return k.Decode(data)
		}
		state, rest, err := c.DecodeValue(data, k.State)
		if err == nil && len(rest) > 0 {
			err = fmt.Errorf("%d bytes follow the state", len(rest))
		}
		return state, err
	}
}

// finishInput completes the results of the last input.
func (p *player) finishInput() {
	if p.trace || p.sampled {
		p.states()
	}
}

// beginInput removes the results of the input before.
func (p *player) beginInput() {
	p.steps, p.changes, p.touched, p.seen = p.steps[:0], p.changes[:0], p.touched[:0], 0
}
