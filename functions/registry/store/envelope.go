package store

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// An object is one line and the data that was appended:
//
//	modelfn/1 <id of the write> <SHA-256 of the id and the data>\n<data>
//
// both in hexadecimal. The line is text so that people can look at the data.
const (
	format   = "modelfn/1 "
	idLength = 32
	lineEnd  = len(format) + idLength + 1 + 2*sha256.Size
)

// MaxSize is the most bytes that a version may have. It keeps every object below
// the size at which clients of buckets send one in parts.
const MaxSize = 4 << 20

func newID() string {
	var random [idLength / 2]byte
	rand.Read(random[:])
	return hex.EncodeToString(random[:])
}

func seal(id string, data []byte) []byte { return append(line(id, data), data...) }

// open returns the id and the data of an object, if it is whole.
func open(object []byte) (id string, data []byte, err error) {
	if len(object) <= lineEnd || !bytes.HasPrefix(object, []byte(format)) {
		return "", nil, fmt.Errorf("%w: not an object of a registry, or only its beginning", ErrDamaged)
	}
	id, data = string(object[len(format):len(format)+idLength]), object[lineEnd+1:]
	if !bytes.HasPrefix(object, line(id, data)) {
		return "", nil, fmt.Errorf("%w: the checksum is not that of the data", ErrDamaged)
	}
	return id, data, nil
}

func line(id string, data []byte) []byte {
	sum := sha256.New()
	sum.Write([]byte(id))
	sum.Write(data)
	return fmt.Appendf(nil, "%s%s %x\n", format, id, sum.Sum(nil))
}
