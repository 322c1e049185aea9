package docs_test

import "testing"

// TestEmbedding: what the guide to machines in services shows is what is compiled and
// tested.
func TestEmbedding(t *testing.T) {
	all := blocks(t, read(t, "embedding.md"))
	if len(all) == 0 {
		t.Fatal("there is no listing")
	}
	for _, b := range all {
		if err := b.check(read(t, b.file)); err != nil {
			t.Errorf("embedding.md:%d: %v", b.at, err)
		}
		if len(b.lines) > maxLines {
			t.Errorf("embedding.md:%d: a listing of %d lines: %d are enough", b.at, len(b.lines), maxLines)
		}
	}
}
