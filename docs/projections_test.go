package docs_test

import "testing"

// TestProjections: what the guide to projections shows is what is compiled and
// tested.
func TestProjections(t *testing.T) {
	text := read(t, "projections.md")
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
			t.Errorf("projections.md:%d: %v", b.at, err)
		}
		if len(b.lines) > maxLines {
			t.Errorf("projections.md:%d: a listing of %d lines: %d are enough", b.at, len(b.lines), maxLines)
		}
	}
}
