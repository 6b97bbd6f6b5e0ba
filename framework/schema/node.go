package schema

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// kind is the JSON type of a value; its text is the type's name in JSON Schema.
type kind string

const (
	anything kind = ""
	boolean  kind = "boolean"
	text     kind = "string"
	number   kind = "number"
	integer  kind = "integer"
	array    kind = "array"
	object   kind = "object"
)

// node is the shape of one value.
type node struct {
	kind kind

	doc, unit string   // for people
	format    string   // of a string: date-time
	enum      []string // of a string: the allowed ones; none means all

	low, high           float64 // of a number; −Inf and +Inf mean no bound
	lowOpen, highOpen   bool    // whether the bound itself is excluded
	fewest, most        int     // of an array; most < 0 means no bound
	items               *node   // of an array, and of a map's values
	fields              []field // of a struct, in the order of declaration
	restricted, float32 bool    // a struct refuses unknown members; a 32-bit float
}

// field is one member of an object.
type field struct {
	name     string
	required bool
	*node
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	valueType    = reflect.TypeFor[jsontext.Value]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()

	// A type with one of these has a JSON form that its fields do not tell.
	ownForms = []reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.MarshalerTo](),
		reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[json.UnmarshalerFrom](),
	}
)

func nodeOf(t reflect.Type) (*node, error) { return build(t, nil) }

// build makes the node of a type; within holds the named types around it.
func build(t reflect.Type, within []reflect.Type) (*node, error) {
	n := &node{low: math.Inf(-1), high: math.Inf(1), most: -1}
	switch {
	case t == timeType:
		n.kind, n.format = text, "date-time"
		return n, nil
	case t == valueType:
		return n, nil
	case t == durationType:
		return nil, errors.New("a duration has no JSON form: use a number, and say its unit")
	case slices.ContainsFunc(ownForms, reflect.PointerTo(t).Implements):
		return nil, fmt.Errorf("%s writes or reads its JSON itself", t)
	case reflect.PointerTo(t).Implements(textType):
		n.kind = text
		return n, nil
	case slices.Contains(within, t):
		return nil, fmt.Errorf("%s contains itself", t)
	}
	if t.Name() != "" {
		within = append(within, t)
	}
	var err error
	switch t.Kind() {
	case reflect.Interface:
		if t.NumMethod() > 0 {
			err = errors.New("an interface with methods has no JSON form")
		}
	case reflect.Pointer:
		return build(t.Elem(), within)
	case reflect.Bool:
		n.kind = boolean
	case reflect.String:
		n.kind = text
	case reflect.Float64, reflect.Float32:
		n.kind, n.float32 = number, t.Kind() == reflect.Float32
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		n.kind = integer
		n.high = math.Min(math.Ldexp(1, t.Bits()-1)-1, maxInteger)
		n.low = math.Max(-math.Ldexp(1, t.Bits()-1), -maxInteger)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		n.kind, n.low = integer, 0
		n.high = math.Min(math.Ldexp(1, t.Bits())-1, maxInteger)
	case reflect.Slice, reflect.Array:
		n.kind = array
		if t.Kind() == reflect.Array {
			n.fewest, n.most = t.Len(), t.Len()
		}
		if t.Elem().Kind() == reflect.Uint8 {
			return nil, errors.New("bytes have no exact JSON form: use a string or a slice of numbers")
		}
		n.items, err = build(t.Elem(), within)
	case reflect.Map:
		n.kind = object
		if t.Key().Kind() != reflect.String {
			return nil, fmt.Errorf("the keys of a %s are not strings", t)
		}
		n.items, err = build(t.Elem(), within)
	case reflect.Struct:
		err = n.addFields(t, within)
	default:
		err = fmt.Errorf("a %s has no JSON form", t)
	}
	return n, err
}

// addFields makes n the object of a struct.
func (n *node) addFields(t reflect.Type, within []reflect.Type) error {
	n.kind, n.restricted = object, true
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" || !f.IsExported() {
			continue
		}
		name, optional, err := readName(tag)
		if err == nil && slices.ContainsFunc(n.fields, func(f field) bool { return f.name == name }) {
			err = fmt.Errorf("the name %s is there twice", name)
		}
		var member *node
		if err == nil {
			member, err = build(f.Type, within)
		}
		if err == nil {
			err = member.read(f.Tag)
		}
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		n.fields = append(n.fields, field{name: name, required: !optional, node: member})
	}
	return nil
}
