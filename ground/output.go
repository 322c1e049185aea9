package ground

import "github.com/go-marketplace/marketplace/world"

// An output is the queue of commands between a machine and a handle. It counts
// how many bytes wait in it, and so decides whether a device is too slow.
//
// A device is too slow when its handle refuses to take more, and it is told
// something more although more than a limit waits. What it was told before the
// handle refused, and because of the same input as the last of that, is exempt
// from the limit. For example, with a limit of 1000 bytes:
//
//	input 7 tells 5000 bytes    accepted: the handle has not refused yet
//	the handle takes 2000       3000 wait, and are exempt
//	input 7 tells 4000 bytes    accepted and exempt: it is the same input
//	input 8 tells 900 bytes     accepted: 0 bytes count against the limit
//	input 9 tells 900 bytes     accepted: 900 count
//	input 9 tells 5000 bytes    accepted: it is the same input
//	input 10 tells 1 byte       the device is too slow: 6800 count
//
// So one turn of a process may tell any amount, and a peer that reads at full
// speed is never too slow. See decision 21.
//
// The mutex of its device guards an output.
type output struct {
	queue   []any  // in their order
	spare   []any  // memory for the next commands
	size    int    // bytes of what waits and of the batch that is being written
	exempt  int    // how many of these bytes do not count against the limit
	input   uint64 // number of the input that the last command came of
	writer  writer
	blocked bool // the handle has refused to take more, and since then something has always waited
	pressed bool // the machine waits for the writer
}

// A writer is who writes the commands.
type writer uint8

const (
	idle    writer = iota // nobody does
	writing               // a goroutine does
	parked                // the handle has refused to take more; a poller waits until it takes something
)

// highWater is how many bytes may wait to be written to a device that the ground
// still receives from: the reader of a connection does not outrun its writer.
const highWater = 256 << 10

// empty reports whether everything is written.
func (o *output) empty() bool { return o.writer == idle && len(o.queue) == 0 }

// high reports whether so much waits that the ground receives nothing from the
// device.
func (o *output) high() bool { return o.size > highWater }

// over reports whether the device may not be told more because of an input: more
// than limit waits, of what counts. The input of which it was told last may go on.
// Nothing counts while an open handle takes all that it is given.
func (o *output) over(input uint64, limit int, opened bool) bool {
	return input != o.input && (o.blocked || !opened) && o.size-o.exempt > limit
}

// push appends a command that came of an input. Before the device is open, the
// first input and what it tells is exempt from the limit.
func (o *output) push(command any, input uint64, opened bool) {
	was, same := o.size, input == o.input
	o.queue = append(o.queue, command)
	o.size += size(command)
	o.input = input
	if o.exempt == was && (same || was == 0 && !opened) {
		o.exempt = o.size
	}
}

// take removes all commands that wait, for the caller to write.
func (o *output) take() (batch []any) {
	batch, o.queue, o.spare = o.queue, o.spare[:0], nil
	o.writer = writing
	return batch
}

// takeOne removes the first command, for the caller to write.
func (o *output) takeOne() (command any) {
	command, o.queue[0] = o.queue[0], nil
	o.queue = o.queue[1:]
	return command
}

// settle ends what take has begun: the first n commands of the batch are done or
// have failed, and the others wait again.
func (o *output) settle(batch []any, n int) {
	for _, c := range batch[:n] {
		o.settleOne(c)
	}
	if n < len(batch) {
		o.queue = append(batch[n:len(batch):len(batch)], o.queue...)
		return
	}
	clear(batch)
	o.spare = batch
}

// settleOne ends what takeOne has begun.
func (o *output) settleOne(command any) {
	o.size -= size(command)
	o.exempt = min(o.exempt, o.size)
}

// block notes that the handle refuses to take more.
func (o *output) block() {
	if !o.blocked {
		o.blocked, o.exempt = true, o.size
	}
}

// rest notes that nobody writes any more. It reports whether the machine waits
// for that.
func (o *output) rest() (pressed bool) {
	pressed = o.pressed
	o.writer, o.blocked, o.exempt, o.pressed = idle, false, 0, false
	return pressed
}

// discard forgets what waits.
func (o *output) discard() {
	o.queue, o.spare, o.size, o.exempt = nil, nil, 0, 0
}

// size returns how many bytes a command counts for.
func size(command any) int {
	const least = 64
	if s, ok := command.(world.Sizer); ok {
		return max(s.Size(), least)
	}
	return least
}
