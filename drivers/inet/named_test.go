package inet_test

import (
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/drivers/inet"
)

func TestNamed(t *testing.T) {
	web, database := inet.NamedListener("web"), inet.NamedRemote("database")
	values := inet.NewAddresses(map[string]string{"web": ":443", "database": "db.example.com:5432", "nobody": ":1"})
	for _, tt := range []struct {
		a    inet.Addr
		want inet.Addr
	}{
		{web, inet.Listener("", 443)},
		{web.TLS("site"), inet.Listener("", 443).TLS("site")},
		{database, inet.Remote("db.example.com", 5432)},
		{database.TLS(""), inet.Remote("db.example.com", 5432).TLS("")},
		{inet.Listener("$web", 0), inet.Listener("$web", 0)}, // is not named, but has that host
		{inet.Remote("1.2.3.4", 5), inet.Remote("1.2.3.4", 5)},
		{inet.Handle("web"), inet.Handle("web")},
		{inet.Addr{}, inet.Addr{}},
	} {
		if got, err := values.Resolve(tt.a); err != nil || got != tt.want {
			t.Errorf("%v is %v, error %v; want %v", tt.a, got, err, tt.want)
		}
	}
	if name, ok := web.Name(); name != "web" || !ok || web.Kind() != inet.KindListener || !web.IsLocal() {
		t.Errorf("%v has the name %q, %v", web, name, ok)
	}
	if _, ok := inet.Handle("web").Name(); ok {
		t.Error("a handle has a name")
	}
	for _, tt := range []struct {
		a    inet.Addr
		in   *inet.Addresses
		want string
	}{
		{inet.NamedListener("other"), values, "$other) has no value: the Addresses field of the driver's Config has database, nobody, web"},
		{web, nil, "has none"},
		{web, inet.NewAddresses(nil), "has none"},
		{inet.NamedRemote("nobody"), values, "the host is missing"},
	} {
		if got, err := tt.in.Resolve(tt.a); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v is %v, error %v; want %q", tt.a, got, err, tt.want)
		}
	}
}

func TestNamedPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"an empty name":      func() { inet.NamedListener("") },
		"a name with spaces": func() { inet.NamedRemote("a b") },
		"no port":            func() { inet.NewAddresses(map[string]string{"web": "example.com"}) },
		"a value's name":     func() { inet.NewAddresses(map[string]string{"$web": ":1"}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it does not panic")
				}
			}()
			f()
		})
	}
}
