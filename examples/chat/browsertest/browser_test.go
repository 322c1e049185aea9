package browsertest

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/png"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/go-marketplace/marketplace/examples/internal/program"
	"github.com/go-marketplace/marketplace/internal/tool"
)

// picture is where the picture of the room is, as seen from the folder of the program.
const picture = "../../docs/pictures/chat.png"

// pictureLimit is how many bytes the picture may have.
const pictureLimit = 60_000

// chromium returns the path of the browser.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return tool.Path(t, "chromium")
}

// A tab is somebody in the room, with a tab of the browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// open opens a tab in the browser of a context.
func open(t *testing.T, browser context.Context, url string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	b := &tab{t, ctx}
	b.do(chromedp.EmulateViewport(640, 400))
	b.do(chromedp.Navigate(url))
	b.until(`document.body.classList.contains("open")`)
	return b
}

func (b *tab) do(all ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for _, a := range all {
		if err := chromedp.Do(b.ctx, a); err != nil {
			b.t.Fatal(err)
		}
	}
}

// text returns the value of an expression.
func (b *tab) text(expression string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return s
}

// shown is what the tab shows, a line each.
const shown = `[...document.querySelectorAll("#heard li")].map(l => l.textContent).join("\n")`

// until waits until a condition holds.
func (b *tab) until(condition string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](condition, chromedp.WithPollingMutation(), chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		b.t.Fatalf("%s: %v; the page shows\n%s\nand %q", condition, err, b.text(shown), b.text("status.textContent"))
	}
}

// sees waits until the tab shows a line.
func (b *tab) sees(line string) {
	b.t.Helper()
	b.until(fmt.Sprintf("(%s).split('\\n').includes(%q)", shown, line))
}

// types types keys, without a click anywhere.
func (b *tab) types(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// name returns who the page says one is.
func (b *tab) name() string { return b.text("me") }

// TestBrowser: two tabs of a browser and somebody by TCP see each other arrive, speak and
// depart, and the page needs nothing but the keyboard. Issue 11, section 4.
func TestBrowser(t *testing.T) {
	path := chromium(t)
	t.Chdir("..")
	p := program.Start(t, "-addr", "127.0.0.1:0", "-http", "127.0.0.1:0")
	addr, url := p.Address(), p.Address()
	if strings.HasPrefix(addr, "http") {
		addr, url = url, addr
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox does not work for root
	}
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	browser, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(browser); err != nil {
		t.Fatal(err)
	}

	ann := open(t, browser, url)
	bob := open(t, browser, url)
	first, second := ann.name(), bob.name()
	bob.sees(first + " is here.")
	ann.sees(second + " arrived.")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	var carl string
	hears := func(want string) {
		t.Helper()
		line, err := in.ReadString('\n')
		if err != nil || want != "" && line != want+"\n" {
			t.Fatalf("by TCP comes %q, %v, and not %q", line, err, want)
		}
		carl = strings.TrimSuffix(strings.TrimPrefix(line, "You are "), ".\n")
	}
	hears("")
	third := carl
	hears(first + " is here.")
	hears(second + " is here.")
	ann.sees(third + " arrived.")
	bob.sees(third + " arrived.")

	ann.types("/nick ann\r")
	ann.sees("You are ann.")
	bob.sees(first + " is now ann.")
	hears(first + " is now ann.")
	bob.types("/nick bob\r")
	ann.sees(second + " is now bob.")
	hears(second + " is now bob.")
	fmt.Fprint(conn, "/nick carl\n")
	hears("You are carl.")
	ann.sees(third + " is now carl.")

	ann.types("Who has brought the <b>cake</b>?\r")
	bob.sees("ann Who has brought the <b>cake</b>?")
	hears("ann: Who has brought the <b>cake</b>?")
	fmt.Fprint(conn, "I did, all the way through netcat.\n")
	ann.sees("carl I did, all the way through netcat.")
	bob.types("Thank you, carl!\r")
	ann.sees("bob Thank you, carl!")
	bob.sees("bob Thank you, carl!")
	hears("carl: I did, all the way through netcat.")
	hears("bob: Thank you, carl!")
	if n := bob.text(`document.querySelectorAll("li b").length + " " + document.querySelectorAll("li b b").length`); n != "3 0" {
		t.Errorf("the page has made elements of what was said: %s", n)
	}
	bob.types(kb.ArrowUp)
	if got := bob.text("line.value"); got != "Thank you, carl!" {
		t.Errorf("the up key brings back %q", got)
	}
	bob.types(kb.ArrowDown)
	if got := bob.text("document.activeElement.id + line.value"); got != "line" {
		t.Errorf("the focus and the line are %q", got)
	}
	ann.types(strings.Repeat("x", 10))
	ann.do(chromedp.Evaluate[chromedp.Void](`line.value = "ü".repeat(3000)`))
	ann.types("\r")
	ann.sees("That is too long.")
	photograph(t, bob)

	if err := chromedp.Cancel(bob.ctx); err != nil {
		t.Fatal(err)
	}
	hears("bob departed.")
	ann.sees("bob departed.")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	ann.sees("carl departed.")
	p.Signal(syscall.SIGTERM)
	ann.sees("The connection is lost.")
	ann.until(`!document.body.classList.contains("open")`)
	if status, rest := p.Wait(); status != 0 || len(rest) > 0 {
		t.Errorf("status %d, %q", status, rest)
	}
}

// photograph takes the picture of the room, if it is to be updated, and checks the one
// that there is.
func photograph(t *testing.T, b *tab) {
	t.Helper()
	taken, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" { // it is that of vmtest
		if err := os.WriteFile(picture, taken, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(picture)
	if err != nil {
		t.Fatalf("%v: run the test with -update", err)
	}
	for _, p := range [][]byte{taken, kept} {
		c, err := png.DecodeConfig(bytes.NewReader(p))
		if err != nil || c.Width != 640 || c.Height != 400 || len(p) > pictureLimit {
			t.Errorf("the picture has %d bytes, and is %d by %d: %v", len(p), c.Width, c.Height, err)
		}
	}
}
