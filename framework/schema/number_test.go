package schema_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/schema"
)

const (
	notExact = "an integer beyond ±2^53 is not exact"
	tooLarge = "out of range for a 64-bit number"
	tooSmall = "too small for a 64-bit number"
)

func TestFloat(t *testing.T) {
	tests := []struct {
		raw     string
		want    float64
		problem string
	}{
		{"0", 0, ""},
		{"-0", 0, ""},
		{"-0.0e-999", 0, ""},
		{"0e999999999", 0, ""},
		{"1", 1, ""},
		{"-1.5", -1.5, ""},
		{"4.8598", 4.8598, ""},
		{"0.1", 0.1, ""},
		{"1E2", 100, ""},
		{"9007199254740991", 1<<53 - 1, ""},
		{"9007199254740992", 1 << 53, ""},
		{"-9007199254740992", -1 << 53, ""},
		{"9007199254740993", 0, notExact}, // a float64 holds …992
		{"-9007199254740993", 0, notExact},
		{"9007199254740994", 0, notExact}, // a float64 holds it, other readers need not
		{"100000000000000000000000", 0, notExact},
		{"1" + strings.Repeat("0", 308), 0, notExact},
		{"1" + strings.Repeat("0", 309), 0, tooLarge},
		{"9007199254740993.0", 1 << 53, ""}, // written as a fraction, it is rounded as one
		{"1e17", 1e17, ""},
		{"1e300", 1e300, ""},
		{"1.7976931348623157e308", math.MaxFloat64, ""},
		{"1.7976931348623159e308", 0, tooLarge},
		{"1e400", 0, tooLarge},
		{"-1e400", 0, tooLarge},
		{"5e-324", math.SmallestNonzeroFloat64, ""},
		{"3e-324", math.SmallestNonzeroFloat64, ""},
		{"2e-324", 0, tooSmall},
		{"-1e-400", 0, tooSmall},
		{"0.0" + strings.Repeat("0", 400) + "1", 0, tooSmall},
	}
	for _, tt := range tests {
		got, problem := schema.Float([]byte(tt.raw))
		assert.Equal(t, tt.problem, problem, tt.raw)
		assert.Equal(t, math.Float64bits(tt.want), math.Float64bits(got), tt.raw)
	}
}

func TestInt(t *testing.T) {
	tests := []struct {
		raw     string
		want    int64
		problem string
	}{
		{"0", 0, ""},
		{"-0", 0, ""},
		{"-17", -17, ""},
		{"9007199254740992", 1 << 53, ""},
		{"-9007199254740992", -1 << 53, ""},
		{"9007199254740993", 0, notExact},
		{"-9007199254740993", 0, notExact},
		{"9223372036854775808", 0, notExact},
		{strings.Repeat("9", 400), 0, notExact},
		{"1.0", 0, "not an integer"},
		{"1e2", 0, "not an integer"},
		{"1E2", 0, "not an integer"},
		{"0.5", 0, "not an integer"},
	}
	for _, tt := range tests {
		got, problem := schema.Int([]byte(tt.raw))
		assert.Equal(t, tt.problem, problem, tt.raw)
		assert.Equal(t, tt.want, got, tt.raw)
	}
}

func TestAppendFloat(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 1: "1", -2.5: "-2.5", 0.1: "0.1", 1e-7: "1e-7", 152.37918: "152.37918",
		1 << 53: "9007199254740992", 1<<53 + 2: "9.007199254740994e+15", -1e17: "-1e+17", 1e21: "1e+21",
		math.MaxFloat64: "1.7976931348623157e+308", math.SmallestNonzeroFloat64: "5e-324",
	} {
		assert.Equal(t, "x"+want, string(schema.AppendFloat([]byte("x"), f)))
	}
}

// FuzzFloat holds that what Float takes is the number that was written, and that
// what AppendFloat writes is read as the same bits.
func FuzzFloat(f *testing.F) {
	for _, seed := range []string{"0", "-0", "1e400", "1e-400", "9007199254740993", "-9007199254740992", "1e17", "0.1", "5e-324", "12345678901234567890123"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if v := jsontext.Value(raw); !v.IsValid() || v.Kind() != '0' || strings.TrimSpace(raw) != raw {
			t.Skip()
		}
		got, problem := schema.Float([]byte(raw))
		if problem != "" {
			require.Zero(t, got)
			return
		}
		want, err := strconv.ParseFloat(raw, 64)
		require.NoError(t, err)
		require.Equal(t, math.Float64bits(want+0), math.Float64bits(got))

		again, problem := schema.Float(schema.AppendFloat(nil, got))
		require.Empty(t, problem)
		require.Equal(t, math.Float64bits(got), math.Float64bits(again))

		if i, problem := schema.Int([]byte(raw)); problem == "" {
			require.Equal(t, strconv.FormatInt(i, 10), strings.TrimPrefix(strconv.FormatFloat(got, 'f', -1, 64), "+"))
		}
	})
}

func TestEncodeWritesWhatDecodeReads(t *testing.T) {
	type value struct {
		F     float64            `json:"f"`
		F32   float32            `json:"f32"`
		L     []float64          `json:"l"`
		M     map[string]float64 `json:"m"`
		P     *float64           `json:"p"`
		Any   any                `json:"any"`
		Plain string             `json:"plain"`
	}
	large := -123456789012345678e3
	want := value{
		F: 1e17, F32: 1 << 25, L: []float64{1 << 53, 1<<53 + 2, 1e20, 1e21, 0.1, math.MaxFloat64}, M: map[string]float64{"k": 1e18},
		P: &large, Any: []any{1e19, 1.5}, Plain: "1e17",
	}
	text, err := schema.Encode(want)
	require.NoError(t, err)
	got, err := schema.Decode[value](text)
	require.NoError(t, err, "%s", text)
	assert.Equal(t, want, got)

	for _, bad := range []any{math.NaN(), []float64{math.Inf(1)}, float32(math.Inf(-1)), map[string]any{"x": math.NaN()}} {
		_, err := schema.Encode(bad)
		require.ErrorContains(t, err, "writing JSON: ")
	}
}
