package distributed

// Portable makes links write in the way of systems that cannot write without waiting.
func Portable(n *TLSNetwork) *TLSNetwork {
	n.portable = true
	return n
}
