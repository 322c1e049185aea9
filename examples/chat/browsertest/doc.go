// Package browsertest tests the page of the chat room in a real browser, Chromium. It is
// a module of its own, so that what drives the browser is no dependency of the library.
//
//	cd examples/chat/browsertest
//	go test ./...
//	go test ./... -update # also takes the picture of the room for the README
//
// Without Chromium, the test is skipped; or it fails, if MARKETPLACE_NEED_PROGRAMS is set.
package browsertest
