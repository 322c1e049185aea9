package simtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An Edit is a file of the package that is tested, a text that occurs in it once, and the
// text that replaces it.
type Edit [3]string

// FindMutants fails the test unless TestSeeds, of the package that is tested, finds each of
// the mistakes. It looks for a mistake in some seeds; with 0, until it is found. TestSeeds
// has the flags -seeds, -first-seed and -all-seeds; with the last it prints "seed 1: 2"
// for each seed, with the number of faults.
func FindMutants(t *testing.T, mutants map[string][]Edit, seeds int) {
	for _, name := range slices.Sorted(maps.Keys(mutants)) {
		edits := mutants[name]
		t.Run(name, func(t *testing.T) {
			most, chunk := seeds, 250
			if most == 0 {
				most, chunk = 3000, 50
			}
			program := mutated(t, edits)
			found, seed := 0, 1
			for seed <= most && (found == 0 || seeds > 0) {
				n := min(most-seed+1, chunk)
				wrong, tried := trySeeds(program, seed, n)
				found += wrong
				seed += tried
			}
			t.Logf("found in %d of %d seeds", found, seed-1)
			if found == 0 {
				t.Error("not found")
			}
		})
	}
}

// mutated builds the tests of the package that is tested with edits of the source.
func mutated(t *testing.T, edits []Edit) (program string) {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{}
	for _, e := range edits {
		path, err := filepath.Abs(e[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := files[path]; !ok {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[path] = string(src)
		}
		if n := strings.Count(files[path], e[1]); n != 1 {
			t.Fatalf("%s has the text %d times, not once:\n%s", e[0], n, e[1])
		}
		files[path] = strings.Replace(files[path], e[1], e[2], 1)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for path, src := range files {
		to := filepath.Join(dir, fmt.Sprint(len(overlay.Replace), ".go"))
		if err := os.WriteFile(to, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[path] = to
	}
	text, err := json.Marshal(overlay)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(dir, "mutant.test")
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// trySeeds runs TestSeeds in a program, for n seeds. It returns in how many something was
// wrong, and how many it tried: a seed that ends the program is the last one.
func trySeeds(program string, first, n int) (wrong, tried int) {
	cmd := exec.Command(program, "-test.run=^TestSeeds$", "-test.timeout=2m", "-all-seeds", "-first-seed", strconv.Itoa(first), "-seeds", strconv.Itoa(n))
	out, err := cmd.Output()
	for line := range bytes.Lines(out) {
		var seed, w int
		if k, _ := fmt.Sscanf(string(line), "seed %d: %d", &seed, &w); k == 2 {
			tried++
			if w > 0 {
				wrong++
			}
		}
	}
	if err != nil && tried < n {
		tried++
		wrong++
	}
	return wrong, tried
}
