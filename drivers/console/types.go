package console

import "github.com/go-marketplace/marketplace/actions"

// Types returns the type of the process that the function [Driver] makes.
func Types() []actions.Type { return Config{}.Types() }

// Types returns the type of the process that [Config.Driver] makes. A process that is
// restored has the console of c. Lines that were typed early are not saved.
func (c Config) Types() []actions.Type { return c.driver().types() }

func (d driver) types() []actions.Type {
	out := d.outside
	return []actions.Type{actions.CodedAs(
		actions.Define("console.driver", driver.open),
		driver.write,
		func(w writtenDriver) (driver, error) { return w.read(out), nil }).Type}
}

// open opens the endpoints and the devices of the driver.
func (d driver) open() actions.Action {
	return actions.Group(
		d.listen(),
		actions.When(!d.full, d.writable()),
		actions.When(d.reading, d.read()),
		actions.When(d.holding, d.hold()),
	)
}

// writtenDriver is the written form of a driver. The names of its fields never change.
type writtenDriver struct {
	Waiting []writtenText `json:",omitempty"` // the oldest first
	Lost    *amount       `json:",omitempty"`

	Reading   bool `json:",omitempty"`
	Holding   bool `json:",omitempty"`
	Full      bool `json:",omitempty"`
	Failing   bool `json:",omitempty"`
	Withdrawn bool `json:",omitempty"`
}

// A writtenText is the written form of a text. It is bytes, because a text may be any
// bytes.
type writtenText struct {
	Text []byte
	Lost *amount `json:",omitempty"` // the texts that it reports as left out
}

func (d driver) write() writtenDriver {
	w := writtenDriver{Reading: d.reading, Holding: d.holding, Full: d.full, Failing: d.failing, Withdrawn: d.withdrawn}
	if d.lost.Texts > 0 {
		w.Lost = &d.lost
	}
	for _, t := range d.texts() {
		wt := writtenText{Text: []byte(t.text)}
		if t.of != itself(t.text) {
			wt.Lost = &t.of
		}
		w.Waiting = append(w.Waiting, wt)
	}
	return w
}

func (w writtenDriver) read(out *outside) driver {
	d := driver{outside: out, reading: w.Reading, holding: w.Holding, full: w.Full, failing: w.Failing, withdrawn: w.Withdrawn}
	for _, t := range w.Waiting {
		of := itself(string(t.Text))
		if t.Lost != nil {
			of = *t.Lost
		}
		d.queue = d.add(string(t.Text), of)
	}
	if w.Lost != nil {
		d.lost = *w.Lost
	}
	return d
}
