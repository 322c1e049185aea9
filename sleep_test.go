package marketplace

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoSleep: tests sleep only where time is that of testing/synctest. U-17.
func TestNoSleep(t *testing.T) {
	sleeps := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if text := string(src); strings.Contains(text, "time.S"+"leep(") {
			sleeps++
			if !strings.Contains(text, `"testing/synctest"`) {
				t.Errorf("%s sleeps, and does not use testing/synctest", name)
			}
		}
		return nil
	})
	if err != nil || sleeps == 0 {
		t.Errorf("%d files sleep, %v", sleeps, err)
	}
}
