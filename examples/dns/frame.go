package main

import "encoding/binary"

// Over TCP, each message follows its length, of two bytes.

// framed returns a message as it goes over TCP.
func framed(packet []byte) []byte {
	b := make([]byte, 0, 2+len(packet))
	b = binary.BigEndian.AppendUint16(b, uint16(len(packet)))
	return append(b, packet...)
}

// cut returns the first message of a stream, if it is complete, and what follows
// it.
func cut(stream []byte) (packet, rest []byte, complete bool) {
	if len(stream) < 2 {
		return nil, stream, false
	}
	n := 2 + int(binary.BigEndian.Uint16(stream))
	if len(stream) < n {
		return nil, stream, false
	}
	return stream[2:n:n], stream[n:], true
}

// join returns a stream that goes on with b. It writes to neither.
func join(stream, b []byte) []byte {
	if len(stream) == 0 {
		return b
	}
	return append(stream[:len(stream):len(stream)], b...)
}
