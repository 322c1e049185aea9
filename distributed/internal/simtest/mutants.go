package simtest

import (
	"bytes"
	"encoding/json"
	"flag"
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

var mutantSeeds = flag.Int("mutant-seeds", -1, "in how many seeds TestMutants looks for each mistake; 0 until it is found; negative to try only one mistake")

// FindMutants fails the test unless TestSeeds, of the package that is tested, finds each of
// the mistakes. It tries them all with the flag -mutant-seeds, which takes minutes, as it builds
// the package for each. By default, it tries only the quick one, in a few seconds (with
// -short not even that), and checks that the others fit the source.
func FindMutants(t *testing.T, mutants map[string][]Edit, quick string) {
	if mutants[quick] == nil {
		t.Fatalf("there is no mistake %q", quick)
	}
	for _, name := range slices.Sorted(maps.Keys(mutants)) {
		t.Run(name, func(t *testing.T) {
			sources := edited(t, mutants[name])
			if *mutantSeeds < 0 && (name != quick || testing.Short()) {
				t.Log("it fits the source; -mutant-seeds 0 tries it")
				return
			}
			most, chunk := *mutantSeeds, 250
			switch {
			case most == 0:
				most, chunk = 3000, 50
			case most < 0:
				most, chunk = 100, 10
			}
			program := build(t, sources)
			found, seed := 0, 1
			for seed <= most && (found == 0 || *mutantSeeds > 0) {
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

// edited returns the sources of the files that edits change, by their paths.
func edited(t *testing.T, edits []Edit) map[string]string {
	t.Helper()
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
	return files
}

// build builds the tests of the package that is tested with these sources in place of files.
func build(t *testing.T, files map[string]string) (program string) {
	t.Helper()
	dir := t.TempDir()
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
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, ".").CombinedOutput(); err != nil {
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
