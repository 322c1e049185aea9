package codec

import (
	"encoding/binary"
	"reflect"
	"strconv"

	"github.com/go-marketplace/marketplace/internal/unsealed"
	"github.com/go-marketplace/marketplace/world"
)

// A Codec encodes and decodes values with sealed values in them (package sealed). How, its
// Sealer says. The functions of this package are those of a nil Codec. That has no keys: it
// refuses to encode a sealed value that has a content, and to decode one that was encrypted.
type Codec struct {
	// Sealer encrypts and decrypts contents. A Codec without one is like a nil Codec, except
	// for [Plain] and [Veiled].
	Sealer Sealer

	// Lost, if not nil, is called for each value that is decoded as an erased one, although
	// the machine that encoded it had the content.
	Lost func(subject string)
}

// A Sealer encrypts and decrypts the contents of sealed values, with a key for each subject.
type Sealer interface {
	// Seal appends content in encrypted form to dst, and returns the ID of the key. The bytes
	// in bound are authenticated as well. It reports that the key of the subject was erased,
	// and returns an error if there can be no key.
	Seal(dst []byte, subject string, content, bound []byte) (box []byte, key uint64, erased bool, err error)

	// Open returns what Seal has encrypted. It reports that the key was erased, and returns
	// an error if it has no key, or if one of its arguments is not that of Seal.
	Open(subject string, key uint64, box, bound []byte) (content []byte, erased bool, err error)
}

var (
	// Plain encodes contents as they are. It is for values that stay in memory.
	Plain = &Codec{}

	// Veiled encodes every sealed value as one without content, so that what is computed from
	// the bytes says nothing about the content.
	Veiled = &Codec{}
)

// sealedTag is the tag of a sealed value: "mpsl". It stands before an array of the form and the
// subject, and of what else the form has. The numbers never change.
const sealedTag = 0x6d70736c

// The forms of a sealed value.
const (
	formNone     = iota // it had no content: it was erased before, or is zero, without a subject
	formPlain           // the content follows; not in journals
	formXAESGCM         // the ID of the key follows, and the content, in XAES-256-GCM
	formWithheld        // it had a content, but the key of the subject was erased already
)

// parts is how many parts the array of each form has.
var parts = [...]int{formNone: 2, formPlain: 3, formXAESGCM: 4, formWithheld: 2}

func appendForm(dst []byte, form byte, subject string) []byte {
	dst = append(appendHead(dst, tagged, sealedTag), array|byte(parts[form]), form)
	return appendString(dst, subject)
}

// boundTo returns what a content is bound to: its subject and its type. It is not bound to its
// place, so that a value can be copied from one journal to another.
func boundTo(subject, typ string) []byte {
	const domain = "marketplace sealed value 1"
	b := append(make([]byte, 0, len(domain)+len(subject)+len(typ)+2), domain...)
	b = append(binary.AppendUvarint(b, uint64(len(subject))), subject...)
	return append(b, typ...)
}

// writeSealed writes a sealed value with contents of the plan's type.
func (p *plan) writeSealed(dst []byte, v reflect.Value, depth int, c *Codec) ([]byte, error) {
	if depth+2 >= maxDepth {
		return nil, tooDeep()
	}
	subject, held, content := pointerTo(v).Interface().(unsealed.Value).Unseal(unsealed.Access{})
	switch {
	case *held && *subject == "":
		return nil, refuse("it has a content, but no subject")
	case len(*subject) > maxSubject:
		return nil, refuse("its subject has ", strconv.Itoa(len(*subject)), " bytes, and may have ", strconv.Itoa(maxSubject))
	case !*held || c == Veiled:
		return appendForm(dst, formNone, *subject), nil
	case c == Plain:
		return p.write(appendForm(dst, formPlain, *subject), reflect.ValueOf(content).Elem(), depth+2, c)
	case c == nil || c.Sealer == nil:
		return nil, refuse("it is sealed for ", strconv.Quote(*subject), ", and there are no keys to encrypt it with: in a journal, set Config.Keys; nowhere else can sealed values be encoded")
	}
	name, ok := world.NameOf(p.typ)
	if !ok {
		return nil, refuse("the type ", p.typ.String(), " of a sealed value is not registered; use world.Register")
	}
	plain, err := p.write(nil, reflect.ValueOf(content).Elem(), depth+2, c)
	if err != nil {
		return nil, err
	}
	box, key, erased, err := c.Sealer.Seal(nil, *subject, plain, boundTo(*subject, name))
	switch {
	case err != nil:
		e := refuse("it cannot be sealed for ", strconv.Quote(*subject), ": ", err.Error())
		e.Err = err
		return nil, e
	case erased:
		return appendForm(dst, formWithheld, *subject), nil
	}
	dst = appendHead(appendForm(dst, formXAESGCM, *subject), positive, key)
	return append(appendHead(dst, bytes_, uint64(len(box))), box...), nil
}

// maxSubject is sealed.MaxSubject.
const maxSubject = 255

// A sealedItem is a sealed value as it is written.
type sealedItem struct {
	form    byte
	subject string
	key     uint64
	box     []byte
}

// sealed reads a sealed value, up to a content that is not encrypted.
func (r *reader) sealed() (s sealedItem, err error) {
	start := r.at
	major, tag, err := r.head()
	if err == nil && (major != tagged || tag != sealedTag) {
		r.at = start
		err = r.unexpected("a sealed value")
	}
	if err != nil {
		return s, err
	}
	n, err := r.length(array, 1)
	if err != nil {
		return s, err
	}
	major, form, err := r.head()
	if err != nil {
		return s, err
	}
	if major != positive || form >= uint64(len(parts)) || n != parts[form] {
		return s, refuse("the sealed value at byte ", strconv.Itoa(start), " has a form that this program does not know: use a newer program")
	}
	s.form = byte(form)
	b, err := r.string()
	if err != nil {
		return s, err
	}
	s.subject = string(b)
	if len(b) > maxSubject || len(b) == 0 && form != formNone {
		return s, refuse("the sealed value at byte ", strconv.Itoa(start), " has a subject of ", strconv.Itoa(len(b)), " bytes")
	}
	if form == formXAESGCM {
		if major, s.key, err = r.head(); err == nil && major != positive {
			err = refuse("the key of the sealed value at byte ", strconv.Itoa(start), " is not a number")
		}
		if err == nil {
			s.box, err = r.chunk(bytes_)
		}
	}
	return s, err
}

// readSealed reads a sealed value with contents of the plan's type.
func (p *plan) readSealed(r *reader, v reflect.Value, depth int) error {
	if depth+2 >= maxDepth {
		return tooDeep()
	}
	start := r.at
	s, err := r.sealed()
	if err != nil {
		return err
	}
	subject, held, content := v.Addr().Interface().(unsealed.Value).Unseal(unsealed.Access{})
	*subject = s.subject
	c := r.codec
	switch s.form {
	case formNone:
		return nil
	case formPlain:
		if c != Plain {
			return refuse("the sealed value at byte ", strconv.Itoa(start), " is not encrypted")
		}
		*held = true
		return p.read(r, reflect.ValueOf(content).Elem(), depth+2)
	case formXAESGCM:
		plain, erased, err := c.open(p.typ, &s)
		if err != nil {
			return err
		}
		if !erased {
			inner := reader{data: plain, codec: c}
			err := p.read(&inner, reflect.ValueOf(content).Elem(), depth+2)
			if err == nil && inner.at < len(plain) {
				err = refuse(strconv.Itoa(len(plain)-inner.at), " bytes follow the content of a sealed value")
			}
			*held = err == nil
			return err
		}
	}
	if c != nil && c.Lost != nil {
		c.Lost(s.subject)
	}
	return nil
}

// open decrypts the content of a sealed value.
func (c *Codec) open(t reflect.Type, s *sealedItem) (plain []byte, erased bool, err error) {
	if c == nil || c.Sealer == nil {
		return nil, false, refuse("it is sealed for ", strconv.Quote(s.subject), ", and there are no keys to decrypt it with: in a journal, set Config.Keys or use History.UseKeys (-journal-keys)")
	}
	name, ok := world.NameOf(t)
	if !ok {
		return nil, false, refuse("the type ", t.String(), " of a sealed value is not registered; use world.Register")
	}
	plain, erased, err = c.Sealer.Open(s.subject, s.key, s.box, boundTo(s.subject, name))
	if err != nil {
		e := refuse("what is sealed for ", strconv.Quote(s.subject), " cannot be opened: ", err.Error())
		e.Err = err
		return nil, false, e
	}
	return plain, erased, nil
}

// genericSealed reads a sealed value without its content.
func (r *reader) genericSealed(depth int) (any, error) {
	s, err := r.sealed()
	if err == nil && s.form == formPlain {
		err = r.skip(depth + 2)
	}
	switch {
	case err != nil:
		return nil, err
	case s.subject == "":
		return nil, nil
	case s.erased():
		return map[string]any{"erased": s.subject}, nil
	}
	return map[string]any{"sealed": s.subject}, nil
}

// erased reports whether there is no content.
func (s *sealedItem) erased() bool { return s.form == formNone || s.form == formWithheld }

// sealed describes a sealed value without its content.
func (p *printer) sealed(depth int) bool {
	s, err := p.reader.sealed()
	if err == nil && s.form == formPlain {
		err = p.skip(depth + 2)
	}
	if err != nil {
		return false
	}
	what := "sealed("
	if s.subject != "" && s.erased() {
		what = "erased("
	}
	p.out = append(p.out, what...)
	if strconv.CanBackquote(s.subject) {
		p.out = append(p.out, s.subject...)
	} else {
		p.out = strconv.AppendQuote(p.out, s.subject)
	}
	p.out = append(p.out, ')')
	return true
}
