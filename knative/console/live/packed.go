package live

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"sync"
)

// packed is a stream in gzip, each part of which its reader can unpack at once. What
// is large, such as the state that a stream begins with, is compressed; the rest is
// stored, as a compressor of its own would cost each stream a megabyte.
type packed struct {
	begun     bool
	sum, size uint32 // of all that was packed
}

// worthPacking is from how many bytes on a part is compressed.
const worthPacking = 1 << 10

// compressors are lent for one part.
var compressors = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is one
	}
	return w
}}

const (
	gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
	emptyBlock = "\x00\x00\x00\xff\xff" // after it a reader has all that came before
	lastBlock  = "\x01\x00\x00\xff\xff"
)

// pack returns the next part of the stream.
func (p *packed) pack(text []byte) []byte {
	if len(text) == 0 {
		return nil
	}
	var b bytes.Buffer
	if !p.begun {
		p.begun = true
		b.WriteString(gzipHeader)
	}
	p.sum = crc32.Update(p.sum, crc32.IEEETable, text)
	p.size += uint32(len(text)) //nolint:gosec // the format has it modulo 2^32
	if len(text) < worthPacking {
		b.Write([]byte{0, byte(len(text)), byte(len(text) >> 8), ^byte(len(text)), ^byte(len(text) >> 8)})
		b.Write(text)
		b.WriteString(emptyBlock)
		return b.Bytes()
	}
	w := compressors.Get().(*flate.Writer)
	defer compressors.Put(w)
	w.Reset(&b)
	_, _ = w.Write(text) // into memory
	_ = w.Flush()
	return b.Bytes()
}

// end returns the last part.
func (p *packed) end() []byte {
	b := binary.LittleEndian.AppendUint32([]byte(lastBlock), p.sum)
	return binary.LittleEndian.AppendUint32(b, p.size)
}
