package ground

import "github.com/go-marketplace/marketplace/world"

// An output is the queue of commands between a machine and a handle. It counts
// the bytes in the queue, and decides whether a device is too slow.
//
// A device is too slow if its handle has refused to take more, more than a limit
// waits, and another command comes. Commands from before the refusal, and commands
// of the same input as the last of these, are exempt from the limit. For example,
// with a limit of 1000 bytes:
//
//	input 7 tells 5000 bytes    accepted: the handle has not refused yet
//	the handle takes 2000       3000 wait, and are exempt
//	input 7 tells 4000 bytes    accepted and exempt: it is the same input
//	input 8 tells 900 bytes     accepted: 0 bytes count against the limit
//	input 9 tells 900 bytes     accepted: 900 count
//	input 9 tells 5000 bytes    accepted: it is the same input
//	input 10 tells 1 byte       the device is too slow: 6800 count
//
// So a process may tell any amount in one turn, and a peer that reads at full
// speed is never too slow. See decision 21.
//
// The mutex of its device guards an output.
type output struct {
	queue   []any  // in order
	spare   []any  // memory for the next queue
	size    int    // bytes of what waits and of the batch that is being written
	exempt  int    // how many of these bytes do not count against the limit
	input   uint64 // number of the input that caused the last command
	writer  writer
	blocked bool // the handle has refused to take more, and since then something has always waited
	pressed bool // the machine waits for the writer
	duplex  bool // the handle is a world.Duplex
}

// A writer says who writes the commands.
type writer uint8

const (
	idle    writer = iota // nobody
	writing               // a goroutine
	parked                // nobody: the handle has refused to take more, and a poller waits until it can
)

// highWater is how many bytes may wait to be written to a device that the ground
// still receives from: the reader of a connection does not outrun its writer.
const highWater = 256 << 10

// empty reports whether everything is written.
func (o *output) empty() bool { return o.writer == idle && len(o.queue) == 0 }

// high reports whether so much waits that the ground receives nothing from the
// device.
func (o *output) high() bool { return o.size > highWater && !o.duplex }

// over reports whether the device may not get more commands of an input: more than
// limit bytes wait that count. The input of the last command may always add more.
// Nothing counts while an open handle takes everything.
func (o *output) over(input uint64, limit int, opened bool) bool {
	return input != o.input && (o.blocked || !opened) && o.size-o.exempt > limit
}

// push appends a command that an input caused. Before the device is open, the
// commands of the first input are exempt from the limit.
func (o *output) push(command any, input uint64, opened bool) {
	was, same := o.size, input == o.input
	o.queue = append(o.queue, command)
	o.size += size(command)
	o.input = input
	if o.exempt == was && (same || was == 0 && !opened) {
		o.exempt = o.size
	}
}

// take removes all waiting commands; the caller writes them.
func (o *output) take() (batch []any) {
	batch, o.queue, o.spare = o.queue, o.spare[:0], nil
	o.writer = writing
	return batch
}

// takeOne removes the first command; the caller writes it.
func (o *output) takeOne() (command any) {
	command, o.queue[0] = o.queue[0], nil
	o.queue = o.queue[1:]
	return command
}

// settle puts back the commands of a batch from take, except for the first n, which
// are done or have failed.
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

// settleOne notes that a command from takeOne is done or has failed.
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
// for the writer.
func (o *output) rest() (pressed bool) {
	pressed = o.pressed
	o.writer, o.blocked, o.exempt, o.pressed = idle, false, 0, false
	return pressed
}

// discard drops all waiting commands.
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
