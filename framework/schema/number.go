package schema

import (
	"math"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxInteger is 2⁵³: up to it a float64, and so every JSON reader, holds each
// integer exactly. maxInteger32 is the same for a float32.
const (
	maxInteger   = 1 << 53
	maxInteger32 = 1 << 24
)

// Float reads a JSON number as a float64 and says what is wrong with it, "" if
// nothing is. It refuses what a float64 would silently change into something
// else: a number out of range, an integer beyond ±2⁵³, a number so small that
// it would become 0. The sign of −0 is dropped.
func Float(raw []byte) (f float64, problem string) {
	f, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil:
		return 0, "out of range for a 64-bit number"
	case f == 0 && hasDigit(raw):
		return 0, "too small for a 64-bit number"
	case math.Abs(f) >= maxInteger && isInteger(raw): // 2⁵³+1 has become 2⁵³
		if _, problem := Int(raw); problem != "" {
			return 0, problem
		}
	}
	return f + 0, "" // −0 + 0 is 0
}

// float32Problem says what is wrong with a number that Float takes, but that is
// to be a float32.
func float32Problem(raw []byte, f float64) string {
	switch {
	case math.Abs(f) > math.MaxFloat32:
		return "out of range for a 32-bit number"
	case float32(f) == 0 && f != 0:
		return "too small for a 32-bit number"
	case math.Abs(f) > maxInteger32 && isInteger(raw):
		return "an integer beyond ±2^24 is not exact in 32 bits"
	}
	return ""
}

// Int reads a JSON number as an integer within ±2⁵³. A fraction or an exponent
// is refused.
func Int(raw []byte) (i int64, problem string) {
	if !isInteger(raw) {
		return 0, "not an integer"
	}
	i, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || i > maxInteger || i < -maxInteger {
		return 0, "an integer beyond ±2^53 is not exact"
	}
	return i, ""
}

// isInteger reports whether a number is written without fraction and exponent.
func isInteger(raw []byte) bool {
	for _, c := range raw {
		if c == '.' || c == 'e' || c == 'E' {
			return false
		}
	}
	return true
}

// hasDigit reports whether the number's mantissa has a digit other than 0.
func hasDigit(raw []byte) bool {
	for _, c := range raw {
		switch {
		case c == 'e' || c == 'E':
			return false
		case c >= '1' && c <= '9':
			return true
		}
	}
	return false
}

// plainZeros reads −0 as 0.
var plainZeros = json.JoinUnmarshalers(
	json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v *float64) error { return readFloat(dec, v, 64) }),
	json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v *float32) error { return readFloat(dec, v, 32) }),
)

func readFloat[F float32 | float64](dec *jsontext.Decoder, v *F, bits int) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	f, err := strconv.ParseFloat(string(raw), bits)
	*v = F(f) + 0
	return err
}
