package schema

import (
	"bytes"
	"math"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// dialect is the version of JSON Schema that describe writes.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// describe writes a node as a JSON Schema. Properties come in the order of the
// struct's fields, which is the order that forms and flat names follow.
func describe(n *node) (jsontext.Value, error) {
	var buf bytes.Buffer
	w := writer{enc: jsontext.NewEncoder(&buf)}
	w.node(n, member{"$schema", dialect})
	return bytes.TrimSpace(buf.Bytes()), w.err
}

// member is one name and value of an object.
type member struct {
	name  string
	value any
}

// writer writes JSON in a given order and keeps the first error.
type writer struct {
	enc *jsontext.Encoder
	err error
}

func (w *writer) token(t jsontext.Token) {
	if w.err == nil {
		w.err = w.enc.WriteToken(t)
	}
}

func (w *writer) member(m member) {
	w.token(jsontext.String(m.name))
	if w.err == nil {
		w.err = json.MarshalEncode(w.enc, m.value)
	}
}

func (w *writer) node(n *node, first ...member) {
	w.token(jsontext.BeginObject)
	for _, m := range append(first, n.members()...) {
		w.member(m)
	}
	switch {
	case n.kind == array:
		w.token(jsontext.String("items"))
		w.node(n.items)
	case n.kind == object && !n.restricted:
		w.token(jsontext.String("additionalProperties"))
		w.node(n.items)
	case n.kind == object:
		required := []string{}
		w.token(jsontext.String("properties"))
		w.token(jsontext.BeginObject)
		for _, f := range n.fields {
			w.token(jsontext.String(f.name))
			w.node(f.node)
			if f.required {
				required = append(required, f.name)
			}
		}
		w.token(jsontext.EndObject)
		w.member(member{"required", required})
		w.member(member{"additionalProperties", false})
	}
	w.token(jsontext.EndObject)
}

// members returns the simple keywords of a node.
func (n *node) members() []member {
	var list []member
	add := func(when bool, name string, value any) {
		if when {
			list = append(list, member{name, value})
		}
	}
	add(n.kind != anything, "type", string(n.kind))
	add(n.doc != "", "description", n.doc)
	add(n.unit != "", "x-unit", n.unit)
	add(n.format != "", "format", n.format)
	add(n.enum != nil, "enum", n.enum)
	add(!math.IsInf(n.low, 0) && !n.lowOpen, "minimum", n.low)
	add(!math.IsInf(n.low, 0) && n.lowOpen, "exclusiveMinimum", n.low)
	add(!math.IsInf(n.high, 0) && !n.highOpen, "maximum", n.high)
	add(!math.IsInf(n.high, 0) && n.highOpen, "exclusiveMaximum", n.high)
	add(n.fewest > 0, "minItems", n.fewest)
	add(n.most >= 0, "maxItems", n.most)
	return list
}
