package schema

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// AppendFloat appends a finite number to dst in the shortest form that [Float]
// reads as the same bits. An integer beyond ±2⁵³ gets an exponent: its digits
// would be refused.
func AppendFloat(dst []byte, f float64) []byte {
	if math.Abs(f) > maxInteger {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	return jsontext.AppendFloat(dst, f, 64)
}

// Encode writes a value as JSON that [Decode] reads as the same value. It fails
// on a number that is not finite.
func Encode(v any) ([]byte, error) {
	text, err := json.Marshal(v, json.WithMarshalers(exactFloats))
	if err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	return text, nil
}

// exactFloats writes large numbers as AppendFloat does; all others are left to
// package json.
var exactFloats = json.JoinMarshalers(
	json.MarshalToFunc(func(enc *jsontext.Encoder, f float64) error {
		if math.Abs(f) <= maxInteger || math.IsInf(f, 0) || math.IsNaN(f) {
			return errors.ErrUnsupported
		}
		return enc.WriteValue(AppendFloat(nil, f))
	}),
	json.MarshalToFunc(func(enc *jsontext.Encoder, f float32) error {
		wide := float64(f)
		if math.Abs(wide) <= maxInteger32 || math.IsInf(wide, 0) || math.IsNaN(wide) {
			return errors.ErrUnsupported
		}
		return enc.WriteValue(strconv.AppendFloat(nil, wide, 'e', -1, 32))
	}),
)
