package laws

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// lawsN is for campaigns: go test ./vm -run Law -laws.n 1000000
var lawsN = flag.Int("laws.n", 400, "number of random programs on which each law of the machine is tried")

// lawsFrom is the first seed of a campaign, so that another campaign has other
// programs.
var lawsFrom = flag.Uint64("laws.from", 0, "seed of the first of the random programs")

// lawCorpus returns the committed entries of a fuzz target, by name of file.
func lawCorpus(t *testing.T, target string) map[string][]byte {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join("testdata", "fuzz", target))
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	corpus := map[string][]byte{}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		_, value, ok := strings.Cut(strings.TrimSpace(string(text)), "\n[]byte(")
		data, err := strconv.Unquote(strings.TrimSuffix(value, ")"))
		if !ok || err != nil {
			t.Fatalf("%s is no entry of a fuzz corpus with one []byte: %v", file.Name(), err)
		}
		corpus[file.Name()] = []byte(data)
	}
	if len(corpus) == 0 {
		t.Fatalf("no corpus in %s", folder)
	}
	return corpus
}

// eachRandom calls f with the random input of each seed of a campaign.
func eachRandom(t *testing.T, f func(seed uint64, data []byte)) {
	for seed := *lawsFrom; seed < *lawsFrom+uint64(*lawsN) && !t.Failed(); seed++ {
		f(seed, lawBytes(seed))
	}
}

// lawBytes returns the random input of a seed.
func lawBytes(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, 100+r.IntN(900))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}
