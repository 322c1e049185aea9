package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"runtime/debug"
	"sync"
)

// Fingerprint identifies the build of this program: the name of the main package, its
// version if that is known, and the beginning of the hash of the executable. Two builds
// of the same source have the same fingerprint if they were made in the same way: go run
// and go build make different executables.
func Fingerprint() string { return fingerprintOnce() }

var fingerprintOnce = sync.OnceValue(func() string {
	name := "unknown program"
	if info, ok := debug.ReadBuildInfo(); ok {
		name = info.Path
		if info.Main.Version != "" {
			name += "@" + info.Main.Version
		}
	}
	if sum := hashOfExecutable(); sum != "" {
		name += " " + sum
	}
	return name
})

// hashOfExecutable returns the beginning of the hash of the program, or "" if it
// cannot be read.
func hashOfExecutable() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
