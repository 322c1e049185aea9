package distributed_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-marketplace/marketplace/distributed"
)

// Two nodes with one realm key. On two machines, each has a copy of the file.
func ExampleTLS() {
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	key := filepath.Join(dir, "realm.key")
	_ = os.WriteFile(key, []byte("2f1d6a3c0b9e48d7a5f0c3b2e1d4978602f1d6a3c0b9e48d\n"), 0o600)

	left, err := distributed.TLS(distributed.TLSConfig{
		Node: "left", RealmKeyFile: key, Listen: "127.0.0.1:7101",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	right, err := distributed.TLS(distributed.TLSConfig{
		Node: "right", RealmKeyFile: key, Peers: map[string]string{"left": "127.0.0.1:7101"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(left.NetworkName(), right.NetworkName(), left.Realm() == right.Realm())
	// Output: tls "left" tls "right" true
}
