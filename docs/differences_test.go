package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDifferences: each difference from the original names a test that is there.
func TestDifferences(t *testing.T) {
	name := regexp.MustCompile("`(?:([a-z/]+)/)?(Test\\w+)`")
	for row := range strings.Lines(read(t, filepath.Join("decisions", "0003-differences-from-the-original.md"))) {
		tests := name.FindAllStringSubmatch(row, -1)
		if strings.HasPrefix(row, "| ") && !strings.HasPrefix(row, "| Here") && len(tests) == 0 {
			t.Errorf("no test shows %s", row)
		}
		for _, m := range tests {
			files, err := filepath.Glob(filepath.Join("..", m[1], "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, f := range files {
				src, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				found = found || strings.Contains(string(src), "\nfunc "+m[2]+"(")
			}
			if !found {
				t.Errorf("there is no test %s in folder %q", m[2], m[1])
			}
		}
	}
}
