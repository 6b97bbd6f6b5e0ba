package predict

import (
	"errors"
	"fmt"
	"math"

	"github.com/modelfn/modelfn/framework/schema"
)

// writer appends one output to dst.
type writer[O any] func(dst []byte, out O) ([]byte, error)

var errNotFinite = errors.New("the model gave a number that is not finite")

// writerOf returns the writer for outputs of type O. Numbers and vectors of
// numbers have one of their own.
func writerOf[O any](size int) writer[O] {
	switch {
	case is[O, float64]():
		return any(writer[float64](writeNumber)).(writer[O])
	case is[O, []float64]():
		return any(writer[[]float64](vectorWriter(size))).(writer[O])
	}
	return func(dst []byte, out O) ([]byte, error) {
		text, err := schema.Encode(out)
		return append(dst, text...), err
	}
}

func writeNumber(dst []byte, out float64) ([]byte, error) {
	if math.IsNaN(out) || math.IsInf(out, 0) {
		return dst, errNotFinite
	}
	return schema.AppendFloat(dst, out), nil
}

func vectorWriter(size int) func([]byte, []float64) ([]byte, error) {
	return func(dst []byte, out []float64) ([]byte, error) {
		if len(out) != size {
			return dst, fmt.Errorf("the model gave %d numbers instead of %d", len(out), size)
		}
		dst = append(dst, '[')
		for i, x := range out {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = writeNumber(dst, x); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	}
}
