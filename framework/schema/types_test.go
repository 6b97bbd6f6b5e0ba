package schema_test

import (
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/schema"
)

// tagged returns the schema of a struct with integers that have these tags: some
// that the compiler's vet would not let pass.
func tagged(tags ...reflect.StructTag) func() (*schema.Schema, error) {
	var fields []reflect.StructField
	for i, tag := range tags {
		fields = append(fields, reflect.StructField{Name: string(rune('F' + i)), Type: reflect.TypeFor[int](), Tag: tag})
	}
	return func() (*schema.Schema, error) { return schema.OfType(reflect.StructOf(fields)) }
}

func TestTypesThatCannotBe(t *testing.T) {
	type itself struct {
		Next *itself `json:"next,omitzero"`
	}
	type list []list
	type tree map[string]tree
	type pointer *pointer
	type embedded struct{ inner }
	tests := []struct {
		name string
		of   func() (*schema.Schema, error)
		want string
	}{
		{"a channel", schema.Of[chan int], "a chan int has no JSON form"},
		{"a function", schema.Of[func()], "a func() has no JSON form"},
		{"a complex number", schema.Of[complex128], "a complex128 has no JSON form"},
		{"an interface with methods", schema.Of[io.Reader], "an interface with methods has no JSON form"},
		{"bytes", schema.Of[[]byte], "bytes have no exact JSON form"},
		{"an array of bytes", schema.Of[[4]byte], "bytes have no exact JSON form"},
		{"a duration", schema.Of[time.Duration], "use a number, and say its unit"},
		{"a map with keys that are not strings", schema.Of[map[int]string], "the keys of a map[int]string are not strings"},
		{"a struct that contains itself", schema.Of[itself], "contains itself"},
		{"a slice that contains itself", schema.Of[list], "contains itself"},
		{"a map that contains itself", schema.Of[tree], "contains itself"},
		{"a pointer that contains itself", schema.Of[pointer], "contains itself"},
		{"a type that reads its JSON itself", schema.Of[json.Number], ""},
		{"a type that writes its JSON itself", schema.Of[json.RawMessage], "writes or reads its JSON itself"},

		{"a field without a name", schema.Of[struct{ F int }], "field F: its json tag has no plain name"},
		{"an embedded struct", schema.Of[embedded], ""},
		{"a field with only an option", schema.Of[struct {
			F int `json:",omitzero"`
		}], "field F: its json tag has no plain name"},
		{"a quoted name", schema.Of[struct {
			F int `json:"'a,b'"`
		}], "field F: its json tag has no plain name"},
		{"a name that is there twice", tagged(`json:"f"`, `json:"f"`), "field G: the name f is there twice"},
		{"an option that changes the form", schema.Of[struct {
			F int `json:"f,string"`
		}], `field F: the option "string" of its json tag is neither omitzero nor omitempty`},
		{"an option that loosens the name", schema.Of[struct {
			F int `json:"f,omitzero,case:ignore"`
		}], `the option "case:ignore"`},
		{"an option with a typo", tagged(`json:"f,omitzer"`), `the option "omitzer"`},
		{"a bad field deep inside", schema.Of[struct {
			F []map[string]struct {
				G chan int `json:"g"`
			} `json:"f"`
		}], "field F: field G: a chan int has no JSON form"},

		{"a bound that is no number", schema.Of[struct {
			F float64 `json:"f" min:"zero"`
		}], `field F: tag min: "zero" is not a number`},
		{"a bound that is not finite", schema.Of[struct {
			F float64 `json:"f" max:"Inf"`
		}], `tag max: "Inf" is not a number`},
		{"a bound of a string", schema.Of[struct {
			F string `json:"f" min:"1"`
		}], "tag min: not for a string"},
		{"a bound of a struct", schema.Of[struct {
			F inner `json:"f" above:"1"`
		}], "tag above: not for an object"},
		{"a length of a string", schema.Of[struct {
			F string `json:"f" maxlen:"9"`
		}], "tag maxlen: not for a string"},
		{"a length of an array", schema.Of[struct {
			F [2]int `json:"f" len:"3"`
		}], "tag len: not for an array"},
		{"half a length", schema.Of[struct {
			F []int `json:"f" len:"2.5"`
		}], "tag len: 2.5 is not a length"},
		{"a negative length", schema.Of[struct {
			F []int `json:"f" minlen:"-1"`
		}], "tag minlen: -1 is not a length"},
		{"an empty range", schema.Of[struct {
			F float64 `json:"f" min:"1" max:"0"`
		}], "the tags leave nothing that is allowed"},
		{"a range that its type does not reach", schema.Of[struct {
			F int8 `json:"f" min:"200"`
		}], "the tags leave nothing that is allowed"},
		{"an empty open range", schema.Of[struct {
			F float64 `json:"f" above:"1" max:"1"`
		}], "the tags leave nothing that is allowed"},
		{"an empty range of lengths", schema.Of[struct {
			F []int `json:"f" minlen:"2" maxlen:"1"`
		}], "the tags leave nothing that is allowed"},
		{"allowed strings of a number", schema.Of[struct {
			F int `json:"f" enum:"1,2"`
		}], "tag enum: only for strings"},
		{"all bad tags at once", schema.Of[struct {
			F string `json:"f" min:"1" len:"2"`
		}], "tag len: not for a string\ntag min: not for a string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.of()
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
			assert.True(t, strings.HasPrefix(err.Error(), "schema of "), err)
			assert.Equal(t, fault.Internal, fault.From(err).Kind, "it is an error of the program, not of its data")
		})
	}
}
