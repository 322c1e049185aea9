package vmtest

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A Device is a device that a process of the machine holds, or has held. The test
// plays it: the test gives it values, and it keeps its commands until the test expects
// them.
type Device struct {
	m        *Machine
	address  *vm.Address
	open     bool
	paused   bool
	begun    bool // the first value was given
	commands []any
}

// Devices returns the devices that processes hold, in the order of their opening.
func (m *Machine) Devices() []*Device {
	return slices.DeleteFunc(slices.Clone(m.devices), func(d *Device) bool {
		_, own := d.address.Device.(cord)
		return own || !d.open
	})
}

// Device returns the device d that a process holds or, if no process holds it any
// more, the one that a process held last. The test fails if there was none, or if
// several processes hold one: choose one of [Machine.Devices] by its path.
func (m *Machine) Device(d world.Device) *Device {
	m.t.Helper()
	if held := m.holding(d); len(held) == 1 {
		return held[0]
	} else if len(held) > 1 {
		m.fatalf("vmtest: %d processes hold %s, among them %v and %v: choose one of Devices by its Path", len(held), d.DeviceName(), held[0].Path(), held[1].Path())
	}
	for _, o := range slices.Backward(m.devices) {
		if o.address.Device == d {
			return o
		}
	}
	open := ""
	for _, o := range m.Devices() {
		open += fmt.Sprintf("\n\t%v", o)
	}
	if open == "" {
		open = " none"
	}
	m.fatalf("vmtest: no process has opened %s. Held are:%s", d.DeviceName(), open)
	return &Device{m: m, address: &vm.Address{Device: d}}
}

// holding returns the devices d that are held.
func (m *Machine) holding(d world.Device) (held []*Device) {
	for _, o := range m.devices {
		if o.open && o.address.Device == d {
			held = append(held, o)
		}
	}
	return held
}

// command gives a command of the machine to its device.
func (m *Machine) command(c *vm.Command) {
	if c.Kind == vm.Open {
		m.devices = append(m.devices, &Device{m: m, address: c.Address, open: true, paused: c.Paused})
		return
	}
	i := slices.IndexFunc(m.devices, func(d *Device) bool { return d.address.Generation == c.Address.Generation })
	d := m.devices[i]
	switch c.Kind {
	case vm.Tell:
		d.commands = append(d.commands, c.Value)
	case vm.Flow:
		d.paused = c.Paused
	case vm.Close:
		d.open = false
	}
}

// Path returns the path of the process that holds the device.
func (d *Device) Path() vm.Path { return d.address.Path }

// Device returns the world.Device that d plays.
func (d *Device) Device() world.Device { return d.address.Device }

// IsOpen reports whether a process holds the device: it was not closed, and has not
// ended.
func (d *Device) IsOpen() bool { return d.open }

// IsPaused reports whether the holder has paused the device.
func (d *Device) IsPaused() bool { return d.paused }

// String describes the device for people.
func (d *Device) String() string {
	return fmt.Sprintf("%s of %v", d.address.Device.DeviceName(), d.address.Path)
}

// Value gives values to the holder of the device, one after another. The test fails
// if the device is not open, or is paused, because no ground gives a value then. A
// device that is opened paused can give its first value.
func (d *Device) Value(values ...any) {
	d.m.t.Helper()
	for _, v := range values {
		if d.paused && d.begun && d.open {
			d.m.fatalf("vmtest: %v is paused, so it has no value: %s", d, text.Value(v))
			return
		}
		d.begun = true
		d.apply(vm.Input{Kind: vm.Value, Value: v})
	}
}

// End ends the device. The holder gets the reason as a ground reduces it: see
// [world.Reduce]. Nil and [io.EOF] mean a normal end.
func (d *Device) End(reason error) {
	d.m.t.Helper()
	if errors.Is(reason, io.EOF) {
		reason = nil
	}
	d.apply(vm.Input{Kind: vm.End, Err: world.Reduce(reason)})
}

// Fail tells the holder that a command has failed. The holder gets the reason as a
// ground reduces it: see [world.Reduce].
func (d *Device) Fail(command any, reason error) {
	d.m.t.Helper()
	d.apply(vm.Input{Kind: vm.Failed, Value: command, Err: world.Reduce(reason)})
}

// Done tells the holder that a command was carried out. The test fails if the command
// is not a [world.Reporter] that reports.
func (d *Device) Done(command any) {
	d.m.t.Helper()
	if r, ok := command.(world.Reporter); !ok || !r.Reports() {
		d.m.fatalf("vmtest: %v: Done of %v, which is no world.Reporter that reports, so a ground would not tell its holder", d, command)
		return
	}
	d.apply(vm.Input{Kind: vm.Done, Value: command})
}

func (d *Device) apply(in vm.Input) {
	d.m.t.Helper()
	if !d.open {
		d.m.fatalf("vmtest: %v is not open any more, so nothing comes from it: %v", d, in.Kind)
		return
	}
	d.open = in.Kind != vm.End
	in.Address = d.address
	d.m.Apply(in)
}

// ExpectCommands expects that the oldest commands that are left are these, in this
// order, and removes them.
func (d *Device) ExpectCommands(commands ...any) {
	d.m.t.Helper()
	n := min(len(commands), len(d.commands))
	if diff := cmp.Diff(commands, d.commands[:n:n], d.m.config.Compare...); len(commands) > 0 && diff != "" {
		d.m.fatalf("vmtest: %v: expected other commands (-want +got):\n%s\nIt has been told:\n%s", d, diff, indent(texts(d.commands)))
		return
	}
	d.commands = d.commands[n:]
}

// ExpectNothing expects that the device has no commands left.
func (d *Device) ExpectNothing() {
	d.m.t.Helper()
	if len(d.commands) > 0 {
		d.m.fatalf("vmtest: %v: expected nothing, but it has been told:\n%s", d, indent(texts(d.commands)))
	}
}

// Commands removes all commands that are left at device d, and returns them. The test
// fails if one of them is not a C. For commands of several types, C is an interface
// type, such as any.
func Commands[C any](d *Device) []C {
	d.m.t.Helper()
	var cs []C
	for _, command := range d.commands {
		c, ok := command.(C)
		if !ok {
			d.m.fatalf("vmtest: %v was told %s, which is not a %T", d, text.Value(command), *new(C))
		}
		cs = append(cs, c)
	}
	d.commands = nil
	return cs
}
