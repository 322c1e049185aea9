package docs_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTutorialStart does what section 0 of the tutorial says, in an empty
// folder: it runs the commands, puts the first listing into main.go, runs that,
// and gets what section 1 says, before and after the mistake that section 1
// makes. Then it builds each file that the tutorial links to, copied out of this
// module, and looks at what the tutorial says of standard error (Issue 9.14).
//
// The library comes from a module proxy that is made of this checkout, and all
// else from the user's module cache. The network is needed only for what is not
// in there. What is downloaded goes to a module cache that ends with the test.
func TestTutorialStart(t *testing.T) {
	text := read(t, "tutorial.md")
	_, start, _ := strings.Cut(text, "\n## 0.")
	start, first, ok := strings.Cut(start, "\n## 1.")
	if !ok {
		t.Fatal("tutorial.md has no section 0 before section 1")
	}
	commands := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(start, -1)
	if len(commands) != 2 {
		t.Fatalf("section 0 has %d blocks of commands: it needs one before there is a main.go, and one that runs it", len(commands))
	}
	listing, output := blocks(t, first)[0], blocks(t, first)[1]
	if listing.language != "go" || output.language != "text" {
		t.Fatalf("section 1 begins with blocks of %s and %s", listing.language, output.language)
	}

	s := shell{t: t, dir: t.TempDir(), env: proxied(t)}
	s.run(commands[0][1])
	s.write("main.go", strings.Join(listing.lines, "\n")+"\n")
	got := s.run(commands[1][1])
	if want := strings.Join(output.lines, "\n") + "\n"; got != want {
		t.Errorf("the program prints\n%s\nand not\n%s", got, want)
	}

	const right, wrong = "actions.Spawn(kitchen), actions.Spawn(guest)", "actions.Spawn(guest), actions.Spawn(kitchen)"
	s.write("main.go", strings.Replace(strings.Join(listing.lines, "\n"), right, wrong, 1)+"\n")
	if out := s.run("go run ."); out != "" {
		t.Errorf("with the mistake of section 1 the program prints\n%s", out)
	}
	said := map[string][]string{"tutorial/01-process/main.go": stable(s.errs)}

	files := map[string]bool{}
	for _, m := range regexp.MustCompile(`\]\((tutorial/[^)]+\.go)\)`).FindAllStringSubmatch(text, -1) {
		files[m[1]] = true
	}
	for name := range files {
		s.write(name, read(t, name))
	}
	if len(files) < 10 {
		t.Errorf("the tutorial links to %d files", len(files))
	}
	s.run("go vet ./...")

	n := 0
	for _, b := range blocks(t, text) {
		if !b.stderr {
			continue
		}
		n++
		if said[b.file] == nil {
			s.run("go run ./" + path.Dir(b.file))
			said[b.file] = stable(s.errs)
		}
		if !fits(b.lines, said[b.file]) {
			t.Errorf("tutorial.md:%d: to standard error, the program prints\n%s", b.at, strings.Join(said[b.file], "\n"))
		}
	}
	if n == 0 {
		t.Error("the tutorial does not show what a mistake looks like")
	}
}

// A shell runs commands of the tutorial.
type shell struct {
	t    *testing.T
	dir  string
	env  []string
	errs string // what the last command has printed to standard error
}

// run runs lines of commands, and returns what they print to standard output.
func (s *shell) run(script string) string {
	s.t.Helper()
	var out bytes.Buffer
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		switch {
		case words[0] == "mkdir" && len(words) == 2:
			if err := os.Mkdir(filepath.Join(s.dir, words[1]), 0o755); err != nil {
				s.t.Fatal(err)
			}
		case words[0] == "cd" && len(words) == 2:
			s.dir = filepath.Join(s.dir, words[1])
		case words[0] == "go":
			c := exec.Command("go", words[1:]...)
			var errs bytes.Buffer
			c.Dir, c.Env, c.Stdout, c.Stderr = s.dir, s.env, &out, &errs
			if err := c.Run(); err != nil {
				s.t.Fatalf("%s%v: %s", line, err, &errs)
			}
			s.errs = errs.String()
		default:
			s.t.Fatalf("this is neither mkdir, cd nor go: %s", line)
		}
	}
	return out.String()
}

// write writes a file into the folder in which the shell is.
func (s *shell) write(name, text string) {
	s.t.Helper()
	name = filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

const module, version = "github.com/go-marketplace/marketplace", "v0.1.0"

// proxied returns an environment in which the go command gets this module from
// the checkout. Nothing of it depends on the user's settings but the build
// cache, and, for dependencies that are not in the module cache, the proxy.
func proxied(t *testing.T) []string {
	t.Helper()
	var user struct{ GOCACHE, GOMODCACHE, GOPROXY string }
	out, err := exec.Command("go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPROXY").Output()
	if err == nil {
		err = json.Unmarshal(out, &user)
	}
	if err != nil {
		t.Fatal(err)
	}
	proxy := t.TempDir()
	publish(t, filepath.Join(proxy, filepath.FromSlash(module), "@v"))
	cached := filepath.Join(user.GOMODCACHE, "cache", "download")
	proxies := []string{fileURL(proxy), fileURL(cached), "off"}
	if m := missing(t, cached); len(m) > 0 {
		t.Logf("not in the module cache: %v", m)
		proxies[2] = user.GOPROXY
	}
	return append(os.Environ(),
		"GOENV=off", "GOWORK=off", "GOTOOLCHAIN=local", "GOSUMDB=off", "GOPRIVATE=none", "GONOPROXY=none",
		"GO111MODULE=on", "MARKETPLACE_LOG=", "GOCACHE="+user.GOCACHE,
		"GOPROXY="+strings.Join(proxies, ","),
		"GOMODCACHE="+t.TempDir(),
		"GOFLAGS=-modcacherw -trimpath", // the test can remove the cache, and the folder is not in what is built
	)
}

// fileURL returns the URL of a folder.
func fileURL(dir string) string {
	dir = filepath.ToSlash(dir)
	if !strings.HasPrefix(dir, "/") {
		dir = "/" + dir
	}
	return (&url.URL{Scheme: "file", Path: dir}).String()
}

// missing returns the dependencies of this module that are not in the folder of
// downloads of a module cache.
func missing(t *testing.T, cached string) (all []string) {
	t.Helper()
	for line := range strings.Lines(read(t, "../go.mod")) {
		m := regexp.MustCompile(`^(?:require|)\s+(\S+) (v\S+)`).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if strings.ToLower(m[1]) != m[1] {
			t.Fatalf("the path of %s has capital letters, which are escaped in a module cache", m[1])
		}
		if _, err := os.Stat(filepath.Join(cached, filepath.FromSlash(m[1]), "@v", m[2]+".zip")); err != nil {
			all = append(all, m[1])
		}
	}
	return all
}

// publish writes what a module proxy has of this module to a folder: one
// version, which is the checkout.
func publish(t *testing.T, dir string) {
	t.Helper()
	s := shell{t: t, dir: dir}
	s.write("list", version+"\n")
	s.write(version+".info", `{"Version":"`+version+`"}`)
	s.write(version+".mod", read(t, "../go.mod"))
	archive, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	w := zip.NewWriter(archive)
	err = filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != ".." && (strings.HasPrefix(d.Name(), ".") || isModule(name)):
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		inside, err := filepath.Rel("..", name)
		if err != nil {
			return err
		}
		out, err := w.Create(path.Join(module+"@"+version, filepath.ToSlash(inside)))
		if err != nil {
			return err
		}
		in, err := os.Open(name)
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = io.Copy(out, in)
		return err
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// isModule reports whether a folder is a module of its own.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
