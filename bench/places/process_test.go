//go:build unix

package places

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// A part says what another process of a benchmark does.
type part struct {
	Does    string // a key of parts
	Node    string
	Listen  string // the address at which it is to be reached
	Dial    string // the address of the other side
	Key     string // the file with the realm key
	Journal string // the folder of its journal, or "" for none
	Cert    string // the file with the certificate and its key, for NATS
	Turn    int    // how many messages are a turn
}

const partVariable = "PLACES_PART"

// parts is what processes do. They end with their standard input.
var parts map[string]func(part) error

func TestMain(m *testing.M) {
	os.Setenv("MARKETPLACE_LOG", "off")
	text := os.Getenv(partVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var p part
	err := json.Unmarshal([]byte(text), &p)
	if err == nil {
		err = parts[p.Does](p)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A process is another process of a benchmark.
type process struct {
	b   *testing.B
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func start(b *testing.B, p part) *process {
	b.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		b.Fatal(err)
	}
	c := &process{b: b, cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), partVariable+"="+string(text))
	c.cmd.Stderr = os.Stderr
	c.in, err = c.cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	c.out = bufio.NewScanner(out)
	b.Cleanup(func() {
		c.in.Close()
		_ = c.cmd.Wait()
	})
	return c
}

// expect waits for a line.
func (c *process) expect(line string) {
	c.b.Helper()
	if got := c.next(); got != line {
		c.b.Fatalf("a process says %q, and %q was expected", got, line)
	}
}

// next returns the next line.
func (c *process) next() string {
	c.b.Helper()
	if !c.out.Scan() {
		c.b.Fatalf("a process has ended: %v", c.out.Err())
	}
	return c.out.Text()
}

// tell sends a line.
func (c *process) tell(line string) {
	c.b.Helper()
	if _, err := fmt.Fprintln(c.in, line); err != nil {
		c.b.Fatal(err)
	}
}

// untilEnd waits for the end of standard input.
func untilEnd() { _, _ = io.Copy(io.Discard, os.Stdin) }

// keyFile returns a file with a new realm key.
func keyFile(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "realm.key")
	if err := os.WriteFile(path, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// freeAddress returns an address on loopback that nothing uses now.
func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A system does the same work as others.
type system struct {
	name string
	turn func() // does the work once
}

// compare lets systems take turns of n operations, and reports times and ratios: of the first,
// which is a place, to each of the others.
func compare(b *testing.B, n int, metric string, systems ...system) {
	b.Helper()
	for _, s := range systems {
		s.turn() // so that connections and memory are there
	}
	times := make([][]float64, len(systems))
	for b.Loop() {
		for i := range systems {
			began := time.Now()
			systems[i].turn()
			times[i] = append(times[i], float64(time.Since(began)))
		}
	}
	b.ReportMetric(0, "ns/op") // of all together: of no use
	for i, s := range systems {
		b.ReportMetric(median(times[i])/float64(n), "ns/"+s.name)
		if i == 0 {
			continue
		}
		ratios := make([]float64, len(times[i]))
		for r := range ratios {
			ratios[r] = times[i][r] / times[0][r]
			if metric == "time" {
				ratios[r] = 1 / ratios[r]
			}
		}
		b.ReportMetric(median(ratios), metric+"/"+s.name)
	}
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
