package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestIssue14RehearseFlags: -rehearse compares a build with what another has printed, and says
// what is wrong with a file that is something else.
func TestIssue14RehearseFlags(t *testing.T) {
	dir := cooked(t)
	status, effects, e := call(t, kitchen("soup", "pie"), "", "-replay", dir, "-effects")
	if status != 0 || !strings.HasPrefix(effects, `{"journal":"`) || strings.Count(effects, "\n") < 5 {
		t.Fatalf("status %d\n%s%s", status, effects, e)
	}
	write := func(text string) string {
		name := filepath.Join(t.TempDir(), "effects")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	all := write(effects)
	head, rest, _ := strings.Cut(effects, "\n")
	_, late, _ := call(t, kitchen("soup", "pie"), "", "-replay", dir, "-effects", "-from", "4")
	for _, tt := range []struct {
		name   string
		dishes []string
		args   []string
		status int
		want   string
	}{
		{"the same", []string{"soup", "pie"}, []string{"-against", all}, 0, "rehearsed inputs 1 to 7 with kitchen@v1 against kitchen@v1\n"},
		{"another", []string{"soup"}, []string{"-against", all}, 1, "cli_test.pot: other messages after "},
		{"it says where", []string{"soup"}, []string{"-against", all}, 1, "this build of the program does otherwise after "},
		{"from an input on", []string{"soup", "pie"}, []string{"-against", all, "-from", "4"}, 0, "rehearsed inputs 4 to 7"},
		{"from the input of the file", []string{"soup", "pie"}, []string{"-against", write(late)}, 0, "rehearsed inputs 4 to 7"},
		{"before the file begins", []string{"soup", "pie"}, []string{"-against", write(late), "-from", "2"}, 2, "begins with input 4"},
		{"digests", []string{"soup", "pie"}, nil, 0, "no difference in the digests"},
		{"other digests", []string{"soup", "tea"}, nil, 1, "The journal has only digests"},
		{"too late", []string{"soup"}, []string{"-against", all, "-from", "99"}, 1, "there is no input 99: the last one is 7"},
		{"no file", nil, []string{"-against", all + "not"}, 1, "effectsnot"},
		{"an empty file", nil, []string{"-against", write("")}, 1, "is not what a build prints with -replay and -effects"},
		{"without a head", nil, []string{"-against", write(rest)}, 1, "the first line does not say"},
		{"another journal", nil, []string{"-against", write(strings.Replace(head, `"journal":"`, `"journal":"00`, 1) + "\n" + rest)}, 1, "is of journal 00"},
		{"half a line", []string{"soup", "pie"}, []string{"-against", write(effects[:len(effects)-9])}, 1, "unexpected EOF"},
		{"without -rehearse", nil, []string{"-replay", dir, "-against", all}, 2, "-against needs -rehearse"},
	} {
		args := append([]string{"-rehearse", dir}, tt.args...)
		if tt.args != nil && tt.args[0] == "-replay" {
			args = tt.args
		}
		status, out, e := call(t, kitchen(tt.dishes...), "", args...)
		if status != tt.status || !strings.Contains(out+e, tt.want) {
			t.Errorf("%s: status %d, want %d and %q in\n%s%s", tt.name, status, tt.status, tt.want, out, e)
		}
	}
	for _, args := range [][]string{{"-from", "3"}, {"-effects"}, {"-rehearse", ""}, {"-rehearse", dir, "-replay", dir}, {"-rehearse", dir, "-journal", dir}, {"-replay", dir, "-effects", "-step"}} {
		if status, out, e := call(t, kitchen(), "", args...); status != 2 {
			t.Errorf("%q: status %d\n%s%s", args, status, out, e)
		}
	}
}
