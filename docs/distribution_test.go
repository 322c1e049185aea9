package docs_test

import "testing"

// TestDistribution: what the guide to places on other machines shows is what is compiled and
// tested.
func TestDistribution(t *testing.T) {
	text := read(t, "distribution.md")
	all := blocks(t, text)
	if len(all) == 0 {
		t.Fatal("there is no listing")
	}
	checkLinks(t, text)
	for _, b := range all {
		if b.language == "sh" {
			continue
		}
		if err := b.check(read(t, b.file)); err != nil {
			t.Errorf("distribution.md:%d: %v", b.at, err)
		}
		if len(b.lines) > maxLines {
			t.Errorf("distribution.md:%d: a listing of %d lines: %d are enough", b.at, len(b.lines), maxLines)
		}
	}
}
