// Package sealed has values that can be erased from a history that is never rewritten.
//
// A journal keeps what it has for ever, and a hash of each record is in the next, so nothing
// can be taken out of it. But people may ask for what is known of them to be erased. So a
// field with something about a person is a [Value], for a subject, which stands for the
// person:
//
//	type Customer struct {
//		ID    string                // an opaque number
//		Email sealed.Value[string]
//	}
//
//	Customer{ID: id, Email: sealed.For(id, "ann@example.org")}
//
// A journal encrypts the content with a key of the subject, which is in a key store outside
// of the journal: see [Config.Keys]. When the key is erased, all that was sealed for the
// subject is gone, in the log, in snapshots and in all copies of the journal. From then on
// [Value.Get] reports that there is no content.
//
// # In a machine
//
// A machine has the content, in the clear: Get returns it. A Value is plain data. It is
// comparable if its content is, it can be a field of messages, of states, of the values of
// devices and of commands, and topics can pin it, or its Subject alone.
//
// A process must be ready for a Value without content: when the program starts again, its
// history may have lost it. What a process has open should depend on the subject, and not on
// the content, because a snapshot says what is open, and the state in it may have lost the
// content.
//
// # What shows it
//
// Wherever a Value is printed, in logs, traces, errors, topics and JSON, it is
// "sealed(subject)", and digests cover the subject alone, because a short content could be
// guessed from a digest. The rest is up to the program. Journals have the names of processes
// and devices, the texts of errors, and digests of commands: content that is copied into
// these is not sealed. A type with a text of its own, such as by a method String, must not
// show the content either. Package fmt calls no methods of values in fields that are not
// exported, so it prints a Value there in full.
//
// The subject is not sealed. Let it be an opaque number, which means nothing by itself, and
// not a name or an address.
//
// [Config.Keys]: https://pkg.go.dev/github.com/go-marketplace/marketplace/journal#Config
package sealed
