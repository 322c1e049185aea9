//go:build !unix

package sharded

import "syscall"

// noReuse does nothing: package net does not set the option here.
func noReuse(string, string, syscall.RawConn) error { return nil }
