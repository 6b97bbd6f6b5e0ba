package predict

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/modelfn/modelfn/framework/fault"
)

// Datatype is the type of a value's elements, named as in the Open Inference
// Protocol.
type Datatype string

// The datatypes.
const (
	Bool   Datatype = "BOOL"
	Int64  Datatype = "INT64"
	Float  Datatype = "FP64"
	String Datatype = "BYTES"
)

// Signature says what goes into a model and what comes out of it. It describes
// the values for people, pages and protocols; the Go types say what is accepted.
//
// Where the Go type is []float64, the values lie in it one after another, each
// with as many elements as its shape has, and the length is exact.
type Signature struct {
	Inputs  []Value `json:"inputs"`
	Outputs []Value `json:"outputs"`

	// Dataset names the data that the model was trained on, for charts; optional.
	Dataset string `json:"dataset,omitzero"`
}

// Value is one input or output.
type Value struct {
	Name     string   `json:"name"`
	Datatype Datatype `json:"datatype"` // FP64 if empty

	// Shape has the size of each dimension; empty for a single number.
	Shape []int `json:"shape"`

	// Range is where the values lie in the training data; nil if that is not
	// known. It is not enforced: outside of it a model extrapolates.
	Range *Range `json:"range,omitzero"`

	Unit        string `json:"unit,omitzero"`
	Description string `json:"description,omitzero"`
}

// Range is an interval with both ends included.
type Range struct {
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}

// size is the number of elements of a value.
func (v *Value) size() int {
	n := 1
	for _, d := range v.Shape {
		n *= d
	}
	return n
}

// size is the number of elements of all values together.
func size(values []Value) int {
	n := 0
	for i := range values {
		n += values[i].size()
	}
	return n
}

// normalize checks a signature and fills in the defaults, in a copy.
func (s Signature) normalize() (Signature, error) {
	var p fault.Problems
	s.Inputs = normalizeAll(&p, "inputs", s.Inputs)
	s.Outputs = normalizeAll(&p, "outputs", s.Outputs)
	return s, p.Err()
}

func normalizeAll(p *fault.Problems, path string, values []Value) []Value {
	if len(values) == 0 {
		p.Add(path, "empty")
	}
	out := slices.Clone(values)
	seen := map[string]bool{}
	for i := range out {
		v, at := &out[i], fmt.Sprintf("%s[%d]", path, i)
		switch {
		case v.Name == "":
			p.Add(at+".name", "empty")
		case seen[v.Name]:
			p.Add(at+".name", "%q is there twice", v.Name)
		}
		seen[v.Name] = true
		v.normalize(p, at)
	}
	return out
}

// most is the largest number of elements of a value.
const most = 1 << 24

func (v *Value) normalize(p *fault.Problems, at string) {
	v.Datatype = cmp.Or(v.Datatype, Float)
	if !slices.Contains([]Datatype{Bool, Int64, Float, String}, v.Datatype) {
		p.Add(at+".datatype", "%q is none of %s, %s, %s and %s", v.Datatype, Bool, Int64, Float, String)
	}
	v.Shape = append([]int{}, v.Shape...)
	n := 1
	for _, d := range v.Shape {
		if d < 1 || d > most/n {
			p.Add(at+".shape", "%v is not at least 1 in each dimension and at most %d in all", v.Shape, most)
			break
		}
		n *= d
	}
	if r := v.Range; r != nil && (!(r.Min <= r.Max) || math.IsInf(r.Min, 0) || math.IsInf(r.Max, 0)) {
		p.Add(at+".range", "%v to %v is not a finite range", r.Min, r.Max)
	}
}
