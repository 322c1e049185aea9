// Package keys has the keys with which journals seal values: see package sealed.
//
// A [Store] has a key for each subject. It lies outside of the journal, so that the erasure of a
// key erases what was sealed with it in all copies of the journal. [Dir] is a store in a
// folder:
//
//	store := keys.Dir("chat.keys", nil)
//	j, err := journal.Config{Keys: store}.Open("chat.journal")
//	…
//	err = store.Erase(subject) // for ever
//
// Back up the keys apart from journals, and for a limited time: a subject is erased when the
// last copy of its key is, and without its keys a journal has lost all that is sealed in it.
//
// # What is promised
//
// A key is on disk before anything is encrypted with it. A subject that was erased never gets a
// key again: values that are sealed for it from then on are written without their contents.
// So also the plain contents that a running machine still has do not get back to the disk.
// A key that is missing, although it was not erased, is an error ([ErrNoKey]).
//
// # Encryption
//
// A content is encrypted with XAES-256-GCM (C2SP): AES-256-GCM with a key of its own, which
// follows from the key of the subject and the first half of a random nonce of 192 bits. So
// there is no limit to how many contents a key may encrypt. The subject and the registered name
// of the type of the content are authenticated.
//
// What stays visible is the subject, the length of the content, and when it was written.
package keys
