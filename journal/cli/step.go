package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-marketplace/marketplace/journal"
)

// A stepper lets a user step through a run.
type stepper struct {
	history *journal.History
	run     *journal.Recording
	out     io.Writer
	at      *journal.Moment
	again   string // the command that an empty line repeats
	differs error  // the first difference that was found, or nil
}

const stepHelp = `  n, next [COUNT]    go on, by one input or more       g, goto N    go to the state after input N
  p, prev [COUNT]    go back                           i, inputs    the inputs around here
  f, find TEXT       go on to a step with a text       all          all steps of this input
  w, where, ps       all processes, with their states  s, show PATH one process
  d, diff [N]        what differs from the state after input N; default: the one before
  presence           which endpoints are present, since which input
  drop N...          how the run would differ without some inputs
  h, help            this text
  q, quit            leave it
An empty line does the same as the last n, p or f once more.
`

var errQuit = errors.New("quit")

// A shownError is a difference of which the user has seen the whole text.
type shownError struct{ difference *journal.DivergenceError }

func (e *shownError) Error() string {
	d := e.difference
	if d.Since+1 == d.Seq {
		return fmt.Sprintf("the replay does not do what was recorded, at input %d: see above", d.Seq)
	}
	return fmt.Sprintf("the replay does not do what was recorded, at one of the inputs %d to %d: see above", d.Since+1, d.Seq)
}

func (e *shownError) Unwrap() error { return e.difference }

// step lets a user step through a run with commands, a line each. If a replay differed
// from the journal on the way, step returns an error at the end.
func step(ctx context.Context, h *journal.History, r *journal.Recording, in io.Reader, out io.Writer) error {
	first, err := r.At(ctx, r.First())
	if err != nil {
		return err
	}
	s := &stepper{history: h, run: r, out: out, at: first, again: "n"}
	s.printf("states after inputs %d to %d; type h for help\n", r.First(), r.Last())
	lines, stop := read(in)
	defer stop()
	echo := !terminal(in)
	for {
		s.printf("%d> ", s.at.Seq)
		var line string
		select {
		case <-ctx.Done():
			s.printf("\n")
			return s.differs
		case l, ok := <-lines:
			if !ok {
				s.printf("\n")
				return s.differs
			}
			line = strings.TrimSpace(l)
		}
		if echo {
			s.printf("%s\n", line)
		}
		if line == "" {
			line = s.again
		}
		err := s.do(ctx, line)
		if errors.Is(err, errQuit) {
			return s.differs
		}
		if d, differs := errors.AsType[*journal.DivergenceError](err); differs && s.differs == nil {
			s.differs = &shownError{d}
		}
		if err != nil {
			s.printf("%v\n", err)
		}
	}
}

// read reads lines in a goroutine, so that the caller can wait for its context as well.
func read(in io.Reader) (lines <-chan string, stop func()) {
	c, stopped := make(chan string), make(chan struct{})
	go func() {
		defer close(c)
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case c <- s.Text():
			case <-stopped:
				return
			}
		}
	}()
	return c, func() { close(stopped) }
}

func terminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (s *stepper) printf(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

// do does what a line says.
func (s *stepper) do(ctx context.Context, line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch verb {
	case "n", "next", "p", "prev":
		s.again = line
		count, err := number(rest, 1)
		if err != nil {
			return err
		}
		if verb[0] == 'n' {
			return s.move(ctx, s.at.Seq+min(count, s.run.Last()-s.at.Seq), "this is the end")
		}
		return s.move(ctx, s.at.Seq-min(count, s.at.Seq-s.run.First()), "this is the beginning")
	case "g", "goto":
		seq, err := number(rest, s.run.Last())
		if err != nil {
			return err
		}
		return s.move(ctx, seq, "")
	case "f", "find":
		s.again = line
		return s.find(ctx, rest)
	case "i", "inputs":
		return s.inputs()
	case "all":
		s.showInput(len(s.at.Steps))
	case "w", "where", "ps":
		return s.processes("")
	case "s", "show":
		if rest == "" {
			return errors.New("show needs the path of a process, such as 2/3")
		}
		return s.processes(rest)
	case "d", "diff":
		return s.diff(ctx, rest)
	case "presence":
		return s.presence()
	case "drop", "branch":
		return s.drop(ctx, strings.Fields(strings.TrimPrefix(rest, "drop ")))
	case "h", "help", "?":
		s.printf("%s", stepHelp)
	case "q", "quit", "exit":
		return errQuit
	default:
		return fmt.Errorf("there is no command %q; type h for help", verb)
	}
	return nil
}

func number(s string, otherwise uint64) (uint64, error) {
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return n, nil
}

// move goes to the state after an input. If it is there already, it prints why instead, if
// there is a why.
func (s *stepper) move(ctx context.Context, seq uint64, why string) error {
	if seq == s.at.Seq && why != "" {
		s.printf("%s\n", why)
		return nil
	}
	m, err := s.run.At(ctx, seq)
	if err != nil {
		return err
	}
	s.at = m
	s.showInput(mostSteps)
	return nil
}

// mostSteps is how many steps are shown by default.
const mostSteps = 20

// showInput shows the current input and its results.
func (s *stepper) showInput(most int) {
	m := s.at
	if m.Input.Seq == 0 {
		s.printf("after input %d, where the run begins\n", m.Seq)
		return
	}
	s.printf("input %d of %d, at %s\n%v\n", m.Seq, s.run.Last(), m.Time.UTC().Format("2006-01-02 15:04:05.000000"), &m.Input)
	for i, text := range m.Steps {
		if i == most {
			s.printf("  … and %d more: type all\n", len(m.Steps)-most)
			break
		}
		if most == mostSteps {
			text = abridged(text)
		}
		s.printf("  %s\n", text)
	}
	if n := len(m.Commands); n > 0 && len(m.Steps) > most {
		s.printf("  commands:\n")
		for _, c := range m.Commands[:min(n, most)] {
			s.printf("  < %s\n", c.Text)
		}
	}
}

// processes shows the processes, or the one at a path.
func (s *stepper) processes(path string) error {
	found := false
	for p := range s.at.Processes() {
		if path != "" && p.Path.String() != path {
			continue
		}
		found = true
		s.printf("%s\n", strings.TrimSpace(p.Path.String()+" "+p.Name))
		for i, line := range journal.Portray(p) {
			if path == "" {
				if i > 0 {
					break // the state is enough
				}
				line = abridged(line)
			}
			s.printf("\t%s\n", line)
		}
	}
	switch {
	case !found && path != "":
		return fmt.Errorf("there is no process %s in this state", path)
	case !found:
		return errors.New("there are no processes in this state")
	}
	return nil
}

// abridged returns the beginning of a long line. The command show has the whole line.
func abridged(line string) string {
	const enough = 160
	if len(line) <= enough {
		return line
	}
	end := enough
	for !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end] + " …"
}

func (s *stepper) inputs() error {
	const around = 5
	first := max(s.at.Seq, around+s.history.First()) - around
	for in, err := range s.history.Inputs(first) {
		if err != nil {
			return err
		}
		if in.Seq > s.at.Seq+around {
			break
		}
		here := "  "
		if in.Seq == s.at.Seq {
			here = "> "
		}
		s.printf("%s%d  %v\n", here, in.Seq, &in)
	}
	return nil
}

func (s *stepper) diff(ctx context.Context, arg string) error {
	seq, err := number(arg, max(s.at.Seq, 1)-1)
	if err != nil {
		return err
	}
	m, err := s.run.At(ctx, seq)
	if err != nil {
		return err
	}
	if seq > s.at.Seq {
		return show(s.out, journal.Diff(s.at, m))
	}
	return show(s.out, journal.Diff(m, s.at))
}

func (s *stepper) presence() error {
	p, err := s.history.Presence()
	if err != nil {
		return err
	}
	there := p.At(s.at.Seq).Intervals
	for _, i := range there {
		if i.Earlier { // it may also have come with From itself, the input before the next one
			s.printf("%v, since before input %d\n", &i, i.From.Seq+1)
			continue
		}
		s.printf("%v, since input %d\n", &i, i.From.Seq)
	}
	if len(there) == 0 {
		s.printf("no endpoint is present\n")
	}
	return nil
}
