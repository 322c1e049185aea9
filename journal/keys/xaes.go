package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

const (
	nonceSize = 24
	tagSize   = 16
)

// xaes is a key of XAES-256-GCM: see https://c2sp.org/XAES-256-GCM.
type xaes struct {
	block cipher.Block
	mask  [aes.BlockSize]byte
}

func newXAES(k Key) *xaes {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err) // the length of a Key is right
	}
	x := &xaes{block: block}
	block.Encrypt(x.mask[:], x.mask[:])
	carry := byte(0)
	for i := len(x.mask) - 1; i >= 0; i-- {
		b := x.mask[i]
		x.mask[i], carry = b<<1|carry, b>>7
	}
	x.mask[len(x.mask)-1] ^= carry * 0x87
	return x
}

// gcm returns the cipher for a nonce, which takes its second half.
func (x *xaes) gcm(nonce []byte) cipher.AEAD {
	var k Key
	for i := range 2 {
		half := k[i*aes.BlockSize : (i+1)*aes.BlockSize]
		half[1], half[2] = byte(i+1), 'X'
		copy(half[4:], nonce[:12])
		subtle.XORBytes(half, half, x.mask[:])
		x.block.Encrypt(half, half)
	}
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err) // the length of a Key is right
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // the block size is that of AES
	}
	return gcm
}

// seal appends the encrypted content to dst.
func (x *xaes) seal(dst, nonce, content, bound []byte) []byte {
	return x.gcm(nonce).Seal(dst, nonce[12:], content, bound)
}

// open returns the content of what seal has appended.
func (x *xaes) open(nonce, box, bound []byte) ([]byte, error) {
	return x.gcm(nonce).Open(nil, nonce[12:], box, bound)
}
