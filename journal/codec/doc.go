// Package codec writes down the values that cross the border between a machine
// and the world, and restores them: the values of devices, their commands, and
// the states of processes.
//
// What is written is CBOR (RFC 8949) in its core deterministic form: equal
// values have equal bytes, on every computer. What is restored is equal to what
// was written, down to the difference between a nil slice and an empty one, or
// it is refused when it is written. Only the identity of pointers is lost: what
// two pointers shared before is there twice afterwards.
//
// # What is written
//
// A value begins with the name of its type, as [world.Register] has it: it is
// the array [name, value], and nil is null.
//
//	bool, numbers   as such; a float in the shortest form that has all its bits
//	string          a text if it is UTF-8, and otherwise a byte string
//	[]byte, [n]byte a byte string
//	slice, array    an array
//	map             a map, in the order of the bytes of its keys
//	struct          a map from the names of its fields
//	pointer         what it points to; the array of that if that can be null
//	interface       [name, value], like a value on its own
//	time.Time       the date and time of day in UTC, as a text with tag 0
//	nil             null
//
// A type with a codec of its own is written as that has it: the methods of
// [cbor.Marshaler], [encoding.BinaryMarshaler] or [encoding.TextMarshaler],
// in this order, each with its counterpart.
//
// A field is called as in Go. A tag can give it another name, so that it can be
// renamed in Go without harm to what was written before:
//
//	Body []byte `cbor:"Bytes"`
//
// Tags for other formats mean nothing here. A field that was added to a type is
// zero in a value that was written before. A field that is there no more is an
// error in such a value.
//
// # What cannot be written
//
// [Check] tells it of a type, and names the field that is the trouble: functions,
// channels, addresses of memory, complex numbers, fields that are not exported,
// keys of maps that are pointers or interfaces. Some of it depends on the value
// and is found when it is written: an interface with a value in it of a type
// that is not registered, a time that is not in UTC, or has no year of four
// digits, a value that is part of itself or has parts more than 1000 deep.
package codec
