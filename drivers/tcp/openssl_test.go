package tcp_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/internal/tool"
)

// These tests use another implementation of TLS.

// openssl returns a command, or skips the test.
func openssl(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return exec.Command(tool.Path(t, "openssl"), args...)
}

// sClient starts openssl s_client, which sends its input and prints what it receives.
// The returned function waits for its end, and returns its other output.
func sClient(t *testing.T, at tcp.Addr, args ...string) (in io.WriteCloser, out io.Reader, wait func() string) {
	t.Helper()
	authority := pemFile(t, "ca.pem", "CERTIFICATE", pki().ca.certificate.Raw)
	args = append([]string{"s_client", "-connect", at.String(), "-servername", "localhost", "-verify_hostname", "localhost",
		"-CAfile", authority, "-verify_return_error", "-quiet", "-no_ign_eof"}, args...)
	c := openssl(t, args...)
	var said bytes.Buffer
	c.Stderr = &said
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if out, err = c.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	wait = func() string {
		if err := c.Wait(); err != nil {
			said.WriteString(err.Error())
		}
		return said.String()
	}
	return in, out, wait
}

func TestDR33OpenSSLClient(t *testing.T) {
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		t.Run(version, func(t *testing.T) {
			onSystem(t, secured(tcp.Config{}), func(l *lab) {
				u := l.user("server")
				u.do(u.watchListening(secureAt), echoes(secureAt))
				in, out, wait := sClient(l.T, u.next("listening").listening.Bound, version)
				line := "hello from somebody else\n"
				io.WriteString(in, line)
				b := make([]byte, len(line))
				if n, err := io.ReadFull(out, b); err != nil || string(b) != line {
					l.Errorf("%q came back, %v", b[:n], err)
				}
				in.Close()
				if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 {
					l.Errorf("then came %q, %v", rest, err)
				}
				if said := wait(); strings.Contains(said, "error") {
					l.Errorf("openssl says: %s", said)
				}
			})
		})
	}
}

// The peer may update keys in the middle, and the reader must answer that.
func TestDR33OpenSSLKeyUpdate(t *testing.T) {
	onSystem(t, secured(tcp.Config{}), func(l *lab) {
		u := l.user("server")
		u.do(u.watchListening(secureAt), echoes(secureAt))
		at := u.next("listening").listening.Bound
		c := openssl(l.T, "s_client", "-connect", at.String(), "-servername", "localhost", "-tls1_3")
		in, err := c.StdinPipe()
		if err != nil {
			l.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			l.Fatal(err)
		}
		c.Stderr = c.Stdout
		if err := c.Start(); err != nil {
			l.Fatal(err)
		}
		defer c.Wait()
		defer in.Close()
		lines := bufio.NewScanner(out)
		// A line that is K has openssl change the keys, and ask for the same.
		for _, says := range [][2]string{{"one", "one"}, {"K", "KEYUPDATE"}, {"two", "two"}, {"K", "KEYUPDATE"}, {"three", "three"}} {
			io.WriteString(in, says[0]+"\n")
			for lines.Scan() && lines.Text() != says[1] {
			}
			if lines.Text() != says[1] {
				l.Fatalf("%s has not come: %v", says[1], lines.Err())
			}
		}
	})
}

// The server sees the certificate of a client; it refuses a client without one.
func TestDR33OpenSSLClientCertificate(t *testing.T) {
	onSystem(t, secured(tcp.Config{}), func(l *lab) {
		us := loopback.TLS("members")
		server := l.user("server")
		bound := server.listen(us)
		certificate, key := pemFiles(l.T, "client", pki().client)
		in, out, wait := sClient(l.T, bound, "-cert", certificate, "-key", key)
		them := server.next("presence").data.From
		s := <-server.sessionsOf(them, us)
		certificates, err := s.PeerCertificates()
		if err != nil || len(certificates) == 0 || certificates[0].Subject.CommonName != "client" || !s.Verified || s.ServerName != "localhost" {
			l.Errorf("the session is %v, with %v, %v", s, certificates, err)
		}
		server.do(server.subscribe(them, us), publish(us, them))
		io.WriteString(in, "hello\n")
		server.next("presence")
		server.read(6)
		server.do(data(us, them, "hello, member\n"), eof(us, them))
		if b, err := io.ReadAll(out); err != nil || string(b) != "hello, member\n" {
			l.Errorf("read %q, %v", b, err)
		}
		in.Close()
		if said := wait(); strings.Contains(said, "error") {
			l.Errorf("openssl says: %s", said)
		}

		in, out, wait = sClient(l.T, bound)
		if b, err := io.ReadAll(out); err != nil || len(b) > 0 {
			l.Errorf("a client without a certificate has read %q, %v", b, err)
		}
		in.Close()
		if said := wait(); !strings.Contains(said, "certificate required") {
			l.Errorf("openssl says: %s", said)
		}
	})
}

// The driver as a client of openssl's server, with a valid certificate and without.
func TestDR33OpenSSLServer(t *testing.T) {
	for name, test := range map[string]struct {
		certificate tls.Certificate
		is          error
	}{"valid": {pki().server, nil}, "expired": {pki().expired, tcp.ErrCertificate}} {
		t.Run(name, func(t *testing.T) {
			onSystem(t, secured(tcp.Config{}), func(l *lab) {
				certificate, key := pemFiles(l.T, "server", test.certificate)
				c := openssl(l.T, "s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-naccept", "1", "-rev")
				out, err := c.StdoutPipe()
				if err != nil {
					l.Fatal(err)
				}
				if err := c.Start(); err != nil {
					l.Fatal(err)
				}
				defer c.Wait()
				at := tcp.Remote("localhost", acceptPort(l.T, out)).TLS("client")
				go io.Copy(io.Discard, out)
				u := l.user("client")
				u.do(publish(me, at), u.subscribe(at, me))
				u.next("presence")
				if test.is != nil {
					mustSay(l.T, u.next("absence").reason, test.is, "expired", at.String())
					return
				}
				u.do(data(me, at, "stressed\n"))
				if got := string(u.read(9)); got != "desserts\n" {
					l.Errorf("got %q", got)
				}
				u.do(eof(me, at))
				u.until("absence")
			})
		})
	}
}

// acceptPort returns the port at which openssl s_server says that it listens.
func acceptPort(t *testing.T, out io.Reader) uint16 {
	t.Helper()
	var said []byte
	for b := make([]byte, 1); ; said = append(said, b[0]) {
		if _, err := out.Read(b); err != nil {
			t.Fatalf("openssl says: %s, %v", said, err)
		}
		if _, text, ok := strings.Cut(string(said), "ACCEPT "); ok && b[0] == '\n' {
			at, err := tcp.ParseRemote(text)
			if err != nil {
				t.Fatal(err)
			}
			return at.Port()
		}
	}
}
