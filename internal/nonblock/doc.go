// Package nonblock writes to TCP connections without waiting.
package nonblock
