package wal_test

import (
	"fmt"

	"github.com/go-marketplace/marketplace/journal/wal"
)

func Example() {
	store := wal.NewMemory() // or wal.Dir("folder")
	log, _, err := wal.Open(store, wal.Options{})
	if err != nil {
		panic(err)
	}
	for _, text := range []string{"coffee", "tea"} {
		if _, err := log.Append([]byte(text)); err != nil {
			panic(err)
		}
	}
	if err := log.Close(); err != nil { // syncs
		panic(err)
	}

	reader, err := wal.Read(store)
	if err != nil {
		panic(err)
	}
	for record, err := range reader.Records(0) {
		if err != nil {
			panic(err)
		}
		fmt.Printf("%d: %s\n", record.Index, record.Payload)
	}
	// Output:
	// 1: coffee
	// 2: tea
}

// Open refuses a damaged log, unless the caller says how much of it may be
// lost.
func ExampleOptions() {
	store := wal.NewMemory()
	log, _, _ := wal.Open(store, wal.Options{})
	for _, text := range []string{"coffee", "tea", "milk"} {
		_, _ = log.Append([]byte(text))
		_ = log.Sync()
	}
	_ = log.Close()

	const name = "00000000000000000001.journal"
	data := store.ReadFile(name)
	data[80] ^= 1
	store.WriteFile(name, data)

	_, _, err := wal.Open(store, wal.Options{})
	fmt.Println(err)
	log, recovery, err := wal.Open(store, wal.Options{Cut: 2})
	fmt.Println(recovery.Last, err)
	_ = log.Close()
	// Output:
	// wal: the journal is damaged: record 2, at byte 75 of 00000000000000000001.journal: the record does not match its hash, which includes that of the record before; records behind it prove that it was on disk
	// 1 <nil>
}
