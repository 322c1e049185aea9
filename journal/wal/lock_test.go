package wal_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// lockEnv makes the test program hold the lock of the log in that folder,
// until its standard input ends.
const lockEnv = "WAL_TEST_HOLD_LOCK"

func holdLock(path string) {
	_, _, err := wal.Open(wal.Dir(path), wal.Options{})
	fmt.Println(err)
	_, _ = io.Copy(io.Discard, os.Stdin)
	// The end of the process releases the lock.
}

// killEnv makes the test program append to the log in that folder for ever,
// and print the index of each record that is on disk.
const killEnv = "WAL_TEST_APPEND"

func appendForEver(path string) {
	l, _, err := wal.Open(wal.Dir(path), wal.Options{})
	for err == nil {
		_, err = l.Append([]byte(text(l.Last() + 1)))
		if err == nil && l.Last()%3 == 0 {
			err = l.Flush()
		}
		if err == nil && l.Last()%5 == 0 {
			err = l.Sync()
		}
		if err == nil && l.Last()%40 == 0 {
			err = l.Rotate()
		}
		if err == nil && l.Synced() == l.Last() {
			fmt.Println(l.Last())
		}
	}
	fmt.Println(err)
}

// TestKill: a process that is killed leaves a log that has all that was
// promised, and that can be continued.
func TestKill(t *testing.T) {
	path := t.TempDir()
	for range 3 {
		other := exec.Command(os.Args[0])
		other.Env = append(os.Environ(), killEnv+"="+path)
		out := must[io.ReadCloser](t)(other.StdoutPipe())
		ok(t, other.Start())
		lines := bufio.NewScanner(out)
		for range 20 {
			lines.Scan()
		}
		ok(t, other.Process.Kill())
		promised := lines.Text()
		for lines.Scan() {
			promised = lines.Text()
		}
		_ = other.Wait() // it was killed
		l, r, err := wal.Open(wal.Dir(path), wal.Options{})
		ok(t, err)
		l.Abandon()
		st := story{said: int(r.Last), synced: must[uint64](t)(strconv.ParseUint(promised, 10, 64))}
		if err := st.check(wal.Dir(path), r); err != nil {
			t.Error(err)
		}
	}
}

// TestLock: a log is open for writing once, and can be read meanwhile.
func TestLock(t *testing.T) {
	onStores(t, func(t *testing.T, s wal.Store) {
		l := mustOpen(t, s)
		appendAll(t, l, "a")
		ok(t, l.Sync())
		if _, _, err := wal.Open(s, wal.Options{}); !errors.Is(err, wal.ErrLocked) {
			t.Errorf("opened twice: %v", err)
		}
		wantContents(t, s, "1:a ")
		ok(t, l.Close())
		mustOpen(t, s).Abandon()
		mustOpen(t, s).Abandon()
	})
}

// TestLockOfProcess: another process is kept out as well, until it is dead.
func TestLockOfProcess(t *testing.T) {
	path := t.TempDir()
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), lockEnv+"="+path)
	in := must[io.WriteCloser](t)(other.StdinPipe())
	out := must[io.ReadCloser](t)(other.StdoutPipe())
	ok(t, other.Start())
	if said := must[string](t)(bufio.NewReader(out).ReadString('\n')); said != "<nil>\n" {
		t.Errorf("the other process cannot open the log: %s", said)
	}
	_, _, err := wal.Open(wal.Dir(path), wal.Options{})
	if !errors.Is(err, wal.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	ok(t, in.Close())
	ok(t, other.Wait())
	mustOpen(t, wal.Dir(path))
}
