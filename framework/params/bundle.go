package params

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/schema"
)

// Bundle is a document and all that it requires, in one file.
type Bundle struct {
	Documents []Document `json:"documents" minlen:"1"`
}

// Set is a document together with exactly the documents that it requires: what
// one predictor is built from. It is immutable.
type Set struct {
	Document
	Components map[string]Document // by name; nil if nothing is required
}

// ParseBundle reads a bundle exactly: every document is checked, its digest
// included, and no model's version may be there twice with other content. A
// document of version 0, as one is written by hand, may leave its digest out.
func ParseBundle(data []byte) (*Bundle, error) {
	b, err := schema.Decode[Bundle](data)
	if err != nil {
		return nil, err
	}
	seen := map[string]string{}
	for i := range b.Documents {
		d := &b.Documents[i]
		path := fmt.Sprintf("documents[%d]", i)
		if d.Version == 0 && d.Digest == "" {
			d.Digest, err = Digest(d.Model, d.Requires, d.Params)
		}
		if err == nil {
			err = d.Check()
		}
		if err != nil {
			return nil, fault.From(err).Under(path)
		}
		key := fmt.Sprintf("%s/%d", d.Model, d.Version)
		if digest, ok := seen[key]; ok && d.Version > 0 && digest != d.Digest {
			return nil, fault.Field(path, "version %d of %s is there twice, with other content", d.Version, d.Model)
		}
		seen[key] = d.Digest
	}
	return &b, nil
}

// Encode writes the bundle as indented JSON with a newline at its end; the same
// bundle always gives the same bytes.
func (b *Bundle) Encode() ([]byte, error) {
	var buf bytes.Buffer
	err := json.MarshalWrite(&buf, b, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("writing a bundle: %w", err)
	}
	buf.WriteByte('\n')
	return buf.Bytes(), nil
}

// Set returns the model's document and all that it requires, directly or through
// its components. The bundle must hold exactly one document of the model.
func (b *Bundle) Set(model string) (Set, error) {
	var main *Document
	for i := range b.Documents {
		if d := &b.Documents[i]; d.Model == model {
			if main != nil {
				return Set{}, fault.Field("documents", "two documents of %s", model)
			}
			main = d
		}
	}
	if main == nil {
		return Set{}, fault.Field("documents", "no document of %s", model)
	}
	set := Set{Document: *main}
	return set, b.collect(&set, main)
}

// collect adds what d requires to the set.
func (b *Bundle) collect(set *Set, d *Document) error {
	for _, name := range d.RequiredNames() {
		pin := d.Requires[name]
		found := b.find(name, pin)
		if found == nil {
			return fault.Field("documents", "%s requires %s version %d with %s, which is not there",
				d.Model, name, pin.Version, pin.Digest)
		}
		if known, ok := set.Components[name]; ok {
			if known.Digest != found.Digest {
				return twoVersions(name)
			}
			continue
		}
		if set.Components == nil {
			set.Components = map[string]Document{}
		}
		set.Components[name] = *found
		if err := b.collect(set, found); err != nil {
			return err
		}
	}
	return nil
}

// twoVersions says that one set would need two versions of a component.
func twoVersions(name string) error {
	return fault.Field("requires", "%s is required in two versions", name)
}

// find returns the document that a pin names, nil if there is none.
func (b *Bundle) find(model string, pin Pin) *Document {
	for i := range b.Documents {
		if d := &b.Documents[i]; d.Model == model && d.Pin() == pin {
			return d
		}
	}
	return nil
}
