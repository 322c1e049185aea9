package keys

// SealXAES seals with a nonce of the caller.
func SealXAES(k Key, nonce, content, bound []byte) []byte {
	return newXAES(k).seal(nil, nonce, content, bound)
}

// FileOf returns the name of the file with the key of a subject.
func FileOf(subject string) string { return fileOf(subject) + keySuffix }
