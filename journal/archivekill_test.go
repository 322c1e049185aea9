package journal_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// archivingEnv makes the test program run a bank with a journal in that folder, and archive it,
// until it is killed.
const archivingEnv = "JOURNAL_TEST_ARCHIVING"

// archiving is the Config of that bank. Now and then the archive fails.
func archiving(dir string, fails bool, got func(name string)) journal.Config {
	return journal.Config{
		Types: types(newStreet()), Logger: quiet, SegmentSize: 2000, SnapshotEvery: 40, DropOld: true,
		Archive: func(ctx context.Context, f journal.File) error {
			if fails && rand.IntN(30) == 0 {
				return errors.New("not now")
			}
			to := filepath.Join(dir, "archives", f.Archive)
			b, err := os.ReadFile(f.Path)
			if err == nil {
				err = os.MkdirAll(to, 0o700)
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(to, "part"), b, 0o600)
			}
			if err == nil {
				err = os.Rename(filepath.Join(to, "part"), filepath.Join(to, f.Name))
			}
			if err == nil {
				got(f.Name)
			}
			return err
		},
	}
}

// archiveUntilKilled runs the bank, and prints a line for some inputs.
func archiveUntilKilled(dir string) {
	err := func() error {
		j, err := archiving(dir, true, func(string) {}).Open(filepath.Join(dir, "bank.journal"))
		if err != nil {
			return err
		}
		m, in, err := j.Begin(context.Background(), vm.Limits{}, bank(newStreet()).Boot)
		slips := manySlips(1000)
		for n := 0; err == nil; n++ {
			if err = j.Append(in); err != nil {
				return err
			}
			m.Apply(in)
			if _, err = j.Commit(m); err == nil {
				err = j.Sync()
			}
			if n%10 == 9 {
				fmt.Println(n)
			}
			for p := range m.Processes() {
				for _, a := range p.Devices {
					in = vm.Input{Kind: vm.Value, Address: a, Value: slips[n%len(slips)]}
				}
			}
		}
		return err
	}()
	fmt.Println(err)
}

// TestIssue14ArchiveKilled: a program that is killed again and again, whose archive sometimes fails,
// and which removes what is archived, has an archive without a gap, which can be restored.
func TestIssue14ArchiveKilled(t *testing.T) {
	dir := t.TempDir()
	for range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), archivingEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 5 + rand.IntN(20); n > 0 && lines.Scan(); n-- {
			if lines.Text()[0] < '0' || lines.Text()[0] > '9' {
				t.Fatal(lines.Text())
			}
		}
		must(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	}
	// Another run archives what is missing.
	is := filepath.Join(dir, "bank.journal")
	names := segmentNames(t, wal.Dir(is))
	last := names[len(names)-2]
	archived := make(chan struct{})
	c := archiving(dir, false, func(name string) {
		if name == last {
			close(archived)
		}
	})
	j, err := c.Open(is)
	must(t, err)
	_, _, err = j.Begin(t.Context(), vm.Limits{}, bank(newStreet()).Boot)
	must(t, err)
	archives, err := filepath.Glob(filepath.Join(dir, "archives", "*"))
	must(t, err)
	if _, err := os.Stat(filepath.Join(archives[0], last)); err != nil {
		<-archived
	}
	must(t, j.End(nil))
	if len(archives) != 1 {
		t.Fatal(archives)
	}
	sound(t, wal.Dir(archives[0]))
	texts := map[uint64]string{}
	h := read(t, archives[0])
	for in, err := range h.Inputs(1) {
		must(t, err)
		texts[in.Seq] = fmt.Sprint(in.Time, in.String())
	}
	kept := read(t, is)
	for in, err := range kept.Inputs(0) {
		must(t, err)
		if was, ok := texts[in.Seq]; ok && was != fmt.Sprint(in.Time, in.String()) {
			t.Errorf("input %d is %v, and %s in the archive", in.Seq, in.String(), was)
		}
	}
	if kept.First() == 1 || kept.First() > h.Last() || h.Last() < 500 {
		t.Errorf("the journal begins with input %d, and the archive ends with %d", kept.First(), h.Last())
	}
	to := filepath.Join(dir, "restored")
	_, err = journal.Restore(archives[0], to, 0)
	must(t, err)
	synctest.Test(t, func(t *testing.T) {
		must(t, drive(t, journal.Config{}, wal.Dir(to), manySlips(5), synctest.Wait).err)
	})
	if got := read(t, to).Last(); got != h.Last()+6 {
		t.Errorf("the program went on to input %d, from %d", got, h.Last())
	}
}
