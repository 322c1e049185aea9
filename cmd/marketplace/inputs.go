package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/match"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/world"
)

const listHelp = `List lists inputs, a line for each: its number, its time, its kind, the process
that got it, the device that it came from, and its value, abridged.

  marketplace journal list -from 100 -to 120 chat.journal
  marketplace journal list -kind end,failed chat.journal
  marketplace journal list -device 'tcp*' chat.journal
`

const catHelp = `Cat shows inputs in full: the value, the presence changes that resulted, the
digest, and the trace, if the journal has them.

  marketplace journal cat chat.journal 42
  marketplace journal cat chat.journal 10-20 42
  marketplace journal cat -kind failed chat.journal
`

const exportHelp = `Export writes inputs as JSON, a line for each, with these fields. Fields that an
input does not have are missing:

  seq          its number
  time         when it entered the machine, in UTC
  kind         start, value, end, failed, continue, stop asked, stop done, done
  path         the path of the process that holds the device: 2/7/1
  device       the name of the device
  opening      the number of its opening
  incarnation  of a start
  type         the name of the type of the value
  value        the value: numbers, strings, arrays and objects; bytes that are not
               text are {"base64": "..."}
  skipped      true if machines do not get it
  error        why a device has ended or failed: kind, op, addr, text

  marketplace journal export chat.journal | jq 'select(.kind == "value") | .value'
`

// A choice selects inputs.
type choice struct {
	from, to uint64
	kinds    string
	device   string
}

func (w *choice) register(c *call) {
	c.Uint64Var(&w.from, "from", 0, "the `number` of the first input")
	c.Uint64Var(&w.to, "to", 0, "the `number` of the last input (default: the last there is)")
	c.StringVar(&w.kinds, "kind", "", "only inputs of these `kinds`, with commas: start, value, end, failed, continue, stop-asked, stop-done, done")
	c.StringVar(&w.device, "device", "", "only inputs of devices whose names match a `glob`")
}

var kindNames = []string{"start", "value", "end", "failed", "continue", "stop asked", "stop done", "done"}

// check completes the choice, and returns an error if it is invalid.
func (w *choice) check(c *call) error {
	if w.to == 0 {
		w.to = math.MaxUint64
	}
	if w.from > w.to {
		return c.wrong("-from %d is after -to %d", w.from, w.to)
	}
	for _, k := range w.list() {
		if !slices.Contains(kindNames, k) {
			return c.wrong("%q is not a kind of input: the kinds are %s", k, strings.Join(kindNames, ", "))
		}
	}
	return nil
}

func (w *choice) list() []string {
	if w.kinds == "" {
		return nil
	}
	return strings.Split(strings.ReplaceAll(w.kinds, "-", " "), ",")
}

func (w *choice) wants(in *journal.Input) bool {
	kinds := w.list()
	return in.Seq >= w.from && in.Seq <= w.to && (kinds == nil || slices.Contains(kinds, in.Kind.String())) &&
		(w.device == "" || in.Device != "" && match.Match(in.Device, w.device))
}

// each calls f for the selected inputs. If the program drops some of them before they are read,
// it says so, and goes on with the oldest that are left.
func (w *choice) each(c *call, f func(*journal.Details) error) error {
	h, err := journal.ReadStore(c.store())
	if err != nil {
		return err
	}
	next := max(w.from, h.First())
	for {
		err := w.eachOf(h, &next, f)
		if !errors.Is(err, wal.ErrDropped) {
			return err
		}
		if h, err = journal.ReadStore(c.store()); err != nil {
			return err
		}
		if first := h.First(); first > next {
			c.missing = true
			c.say("inputs %d to %d are missing: the program has dropped them meanwhile", next, min(first-1, w.to))
			next = first
		}
	}
}

// eachOf calls f for the selected inputs of a history, from next on, and sets next to the input
// behind the last one that it has read.
func (w *choice) eachOf(h *journal.History, next *uint64, f func(*journal.Details) error) error {
	if *next > w.to {
		return nil
	}
	for d, err := range h.Details(*next) {
		if err != nil {
			return err
		}
		if d.Input.Seq > w.to {
			break
		}
		*next = d.Input.Seq + 1
		if w.wants(&d.Input) {
			if err := f(&d); err != nil {
				return err
			}
		}
	}
	return nil
}

func list(c *call) error {
	var w choice
	w.register(c)
	if err := c.only(); err != nil {
		return err
	}
	if err := w.check(c); err != nil {
		return err
	}
	c.heading()
	return w.each(c, func(d *journal.Details) error { return c.line(&d.Input) })
}

// heading writes the line above those that line writes.
func (c *call) heading() {
	c.title("%8s  %-26s  %-10s  %-8s  %s\n", "input", "time (UTC)", "kind", "process", "device, value")
}

// line writes an input in a line.
func (c *call) line(in *journal.Input) error {
	if c.json {
		return c.export(in)
	}
	_, err := fmt.Fprintln(c.out, strings.TrimRight(fmt.Sprintf("%8d  %s  %-10v  %-8v  %s", in.Seq, in.Time.Format("2006-01-02 15:04:05.000000"), in.Kind, in.Path, about(in)), " "))
	return err
}

// about describes the device, the value and the reason of an input.
func about(in *journal.Input) string {
	var parts []string
	if in.Device != "" {
		parts = append(parts, in.Device)
	}
	if t := in.Text(); t != "" {
		parts = append(parts, shortened(t, 100))
	}
	if in.Err != nil {
		parts = append(parts, in.Err.Error())
	}
	if in.Incarnation > 0 {
		parts = append(parts, fmt.Sprint("incarnation ", in.Incarnation))
	}
	if in.Skipped {
		parts = append(parts, "skipped")
	}
	return strings.ReplaceAll(strings.Join(parts, ": "), "\n", `\n`)
}

// shortened returns at most most characters of s.
func shortened(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

func cat(c *call) error {
	var w choice
	w.register(c)
	rest, err := c.parse()
	if err != nil {
		return err
	}
	if err := w.check(c); err != nil {
		return err
	}
	choices := []choice{w}
	if len(rest) > 0 {
		choices = nil
	}
	for _, word := range rest {
		first, last, isRange := strings.Cut(word, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 64)
		to, err2 := strconv.ParseUint(last, 10, 64)
		if err != nil || err2 != nil || from > to {
			return c.wrong("%q is not an input: it must be a number, or a range such as 3-7", word)
		}
		choices = append(choices, choice{max(w.from, from), min(w.to, to), w.kinds, w.device})
	}
	for i := range choices {
		shown := 0
		err := choices[i].each(c, func(d *journal.Details) error { shown++; return c.show(d) })
		if err == nil && shown == 0 && len(rest) > 0 {
			err = fmt.Errorf("the journal has no such input: %s", rest[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A fullLine is the output of cat for an input, with -json.
type fullLine struct {
	line
	Presence []string `json:"presence,omitempty"`
	Steps    []string `json:"steps,omitempty"`
	Digest   string   `json:"digest,omitempty"`
}

// show writes an input in full.
func (c *call) show(d *journal.Details) error {
	in := &d.Input
	if c.json {
		l, err := lineOf(in)
		if err != nil {
			return err
		}
		full := fullLine{l, d.PresenceChanges, d.Steps, ""}
		if d.Checked {
			full.Digest = d.Digest.String()
		}
		return c.encode(full)
	}
	fmt.Fprintf(c.out, "input %d: %v, at %s\n", in.Seq, in.Kind, clock(in.Time))
	row := func(name, text string) { fmt.Fprintf(c.out, "  %-9s %s\n", name, text) }
	if in.Generation > 0 {
		row("process", in.Path.String())
		row("device", fmt.Sprintf("%s, opening %d", in.Device, in.Generation))
	}
	if in.Skipped {
		row("skipped", "a machine does not get it")
	}
	if in.Incarnation > 0 {
		row("start", fmt.Sprintf("incarnation %d", in.Incarnation))
	}
	name, v, err := in.Generic()
	if err != nil {
		return err
	}
	if name != "" {
		text, err := json.MarshalIndent(v, "            ", "  ")
		if err != nil {
			return err
		}
		row("value", name+" "+string(text))
	}
	if in.Err != nil {
		row("reason", in.Err.Error())
	}
	for _, r := range d.PresenceChanges {
		row("presence", r)
	}
	for _, s := range d.Steps {
		row("step", s)
	}
	if d.Checked {
		row("digest", d.Digest.String())
	}
	_, err = fmt.Fprintln(c.out)
	return err
}

// A line is the output of export for an input.
type line struct {
	Seq         uint64       `json:"seq"`
	Time        time.Time    `json:"time"`
	Kind        string       `json:"kind"`
	Path        string       `json:"path,omitempty"`
	Device      string       `json:"device,omitempty"`
	Opening     uint64       `json:"opening,omitempty"`
	Incarnation uint64       `json:"incarnation,omitempty"`
	Type        string       `json:"type,omitempty"`
	Value       *any         `json:"value,omitempty"`
	Skipped     bool         `json:"skipped,omitempty"`
	Error       *exportError `json:"error,omitempty"`
}

type exportError struct {
	Kind string `json:"kind,omitempty"`
	Op   string `json:"op,omitempty"`
	Addr string `json:"addr,omitempty"`
	Text string `json:"text,omitempty"`
}

func exported(e *world.Error) *exportError {
	if e == nil {
		return nil
	}
	return &exportError{e.Kind, e.Op, e.Addr, e.Text}
}

func export(c *call) error {
	var w choice
	w.register(c)
	file := c.String("o", "-", "the `file` to write; - is standard output")
	if err := c.only(); err != nil {
		return err
	}
	if err := w.check(c); err != nil {
		return err
	}
	return c.writeTo(*file, func() error {
		return w.each(c, func(d *journal.Details) error { return c.export(&d.Input) })
	})
}

// export writes an input as JSON.
func (c *call) export(in *journal.Input) error {
	l, err := lineOf(in)
	if err != nil {
		return err
	}
	return c.encode(l)
}

func lineOf(in *journal.Input) (line, error) {
	name, v, err := in.Generic()
	if err != nil {
		return line{}, fmt.Errorf("input %d: %w", in.Seq, err)
	}
	l := line{Seq: in.Seq, Time: in.Time, Kind: in.Kind.String(), Path: in.Path.String(), Device: in.Device, Opening: in.Generation,
		Incarnation: in.Incarnation, Type: name, Skipped: in.Skipped, Error: exported(in.Err)}
	if name != "" {
		l.Value = &v
	}
	return l, nil
}
