// Package codec encodes and decodes the values that cross the border between a machine
// and the world: the values of devices, their commands, and the states of processes.
//
// The encoding is CBOR (RFC 8949) in its core deterministic form: equal values have equal
// bytes, on every computer. A decoded value is equal to the encoded one, down to the
// difference between a nil slice and an empty one; a value for which this is impossible is
// an error when it is encoded. Only the identity of pointers is lost: two pointers to the
// same value become pointers to two equal values.
//
// # Encoding
//
// A value begins with the name of its type, as given to [world.Register]: the encoding is
// the array [name, value]. Nil is null.
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
//	sealed.Value    the array of its form, its subject and its content, with tag 0x6d70736c
//
// A type with a codec of its own is encoded by that: by the methods of [cbor.Marshaler],
// [encoding.BinaryMarshaler] or [encoding.TextMarshaler], the first of these that the type
// has together with its counterpart.
//
// A field has its name in Go. A tag can give it another name, so that the field can be
// renamed in Go and old values still decode:
//
//	Body []byte `cbor:"Bytes"`
//
// The codec ignores tags for other formats. If a field is added to a type, it is zero in
// old values. If a field is removed from a type, old values with it are errors.
//
// # Sealed values
//
// A value of package sealed is encoded by a [Codec] with keys, which encrypts its content with
// a random nonce: equal values then have different bytes. The functions of this package have no
// keys, and refuse a content. The subject can be read without keys ([Generic], [Text]).
//
// # What cannot be encoded
//
// [Check] reports whether a type can be encoded, and otherwise names the field that
// cannot. These cannot: functions, channels, memory addresses, complex numbers, unexported
// fields, and map keys that are pointers or interfaces or have sealed values. Other errors depend on the value
// and are found when it is encoded: a value in an interface whose type is not registered, a
// time that is not in UTC or whose year does not have four digits, and a value that is part
// of itself or is nested more than 1000 deep.
package codec
