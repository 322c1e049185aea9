package wal_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
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
	// The lock is let go of by the end of the process.
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
