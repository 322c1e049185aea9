package program

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// RealmKey returns a file with a realm key, for nodes of one test.
func RealmKey(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "realm.key")
	if err := os.WriteFile(file, []byte("2f1d6a3c0b9e48d7a5f0c3b2e1d4978602f1d6a3c0b9e48d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// FreeAddress returns an address on which nothing listens.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
