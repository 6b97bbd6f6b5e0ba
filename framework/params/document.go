package params

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/schema"
)

// Document is one set of params of one model. It is immutable: a change is a
// new document.
type Document struct {
	// Model is the model's name, a DNS-1035 label of at most 63 characters.
	Model string `json:"model"`

	// Version is the document's number in its registry: 1, 2, 3, …. A document
	// that never was in a registry has version 0 and is known by its digest.
	Version int64 `json:"version" min:"0"`

	// Digest is what [Digest] gives for the document.
	Digest string `json:"digest,omitzero"`

	// Requires pins the components that the model was trained with, by name.
	Requires map[string]Pin `json:"requires,omitzero"`

	// Params are the model's own, as they were received.
	Params jsontext.Value `json:"params"`

	// Held marks a document that is stored but not for everyone: only a replica
	// that is pinned to its version runs it.
	Held bool `json:"held,omitzero"`

	// Author, Message and Created tell who wrote it, why and when.
	Author  string    `json:"author,omitzero"`
	Message string    `json:"message,omitzero"`
	Created time.Time `json:"created,omitzero"`
}

// Pin names one document of a component.
type Pin struct {
	Version int64  `json:"version" min:"0"`
	Digest  string `json:"digest"`
}

// New returns a document of version 0 with its digest.
func New(model string, requires map[string]Pin, params jsontext.Value) (Document, error) {
	d := Document{Model: model, Requires: requires, Params: params}
	var err error
	if d.Digest, err = Digest(model, requires, params); err != nil {
		return Document{}, err
	}
	return d, d.Check()
}

// Pin returns the pin that names the document.
func (d Document) Pin() Pin { return Pin{Version: d.Version, Digest: d.Digest} }

// check reports whether a document is the one that is pinned; any digest will do
// for a pin without one. The error is [ErrNoVersion].
func (p Pin) check(d *Document) error {
	switch {
	case d.Version != p.Version:
		return noVersionError{fmt.Errorf("version %d of %s is pinned, but there is version %d", p.Version, d.Model, d.Version)}
	case p.Digest != "" && d.Digest != p.Digest:
		return noVersionError{fmt.Errorf("%s version %d has digest %s, but %s is pinned", d.Model, d.Version, d.Digest, p.Digest)}
	}
	return nil
}

// RequiredNames returns the names of the components that the document itself
// requires, in order.
func (d *Document) RequiredNames() []string { return slices.Sorted(maps.Keys(d.Requires)) }

// maxName is how long a name may be, as a DNS label.
const maxName = 63

// IsName reports whether s can be the name of a model: a DNS-1035 label of at
// most 63 characters.
func IsName(s string) bool {
	if s == "" || len(s) > maxName || s[0] < 'a' || s[0] > 'z' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// IsDigest reports whether s has the form of a digest: sha256: and 64 hexadecimal
// digits.
func IsDigest(s string) bool {
	digits, found := strings.CutPrefix(s, "sha256:")
	if !found || len(digits) != 2*sha256.Size {
		return false
	}
	for _, c := range []byte(digits) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Check reports all that is wrong with a document, its digest included.
func (d *Document) Check() error {
	var p fault.Problems
	if !IsName(d.Model) {
		p.Add("model", "%q is not a name: it takes up to 63 of a-z, 0-9 and -, from a letter on", d.Model)
	}
	if d.Version < 0 {
		p.Add("version", "%d is negative", d.Version)
	}
	for _, name := range d.RequiredNames() {
		path := fault.Join("requires", name)
		pin := d.Requires[name]
		switch {
		case !IsName(name):
			p.Add(path, "not a name")
		case name == d.Model:
			p.Add(path, "a model cannot require itself")
		case pin.Version < 0:
			p.Add(path+".version", "%d is negative", pin.Version)
		case !IsDigest(pin.Digest):
			p.Add(path+".digest", "not a digest: sha256: and 64 hexadecimal digits")
		}
	}
	if err := p.Err(); err != nil {
		return err
	}
	want, err := Digest(d.Model, d.Requires, d.Params)
	if err != nil {
		return err
	}
	if d.Digest == "" {
		return fault.Field("digest", "missing")
	}
	if d.Digest != want {
		return fault.Field("digest", "%s does not fit the content, which has %s", d.Digest, want)
	}
	return nil
}

// Digest returns "sha256:" and the hexadecimal SHA-256 of the RFC 8785 form of
//
//	{"model":…,"params":…,"requires":{<name>:{"digest":…,"version":…},…}}
//
// where requires is {} for a model without components. As requires holds the
// digests of the components, one digest names the whole set.
//
// params is taken as it was received, so two writings of the same numbers have
// the same digest, and a reader that knows fewer fields computes the same one. A
// number that the RFC would change is refused (see package schema): two different
// ones would have the same digest.
func Digest(model string, requires map[string]Pin, params jsontext.Value) (string, error) {
	if err := checkExact(params); err != nil {
		return "", fmt.Errorf("digest of %s: %w", model, err)
	}
	if requires == nil {
		requires = map[string]Pin{}
	}
	content := struct {
		Model    string         `json:"model"`
		Params   jsontext.Value `json:"params"`
		Requires map[string]Pin `json:"requires"`
	}{model, params, requires}
	text, err := json.Marshal(content)
	if err != nil {
		return "", fmt.Errorf("digest of %s: %w", model, schema.Malformed(err))
	}
	canonical := jsontext.Value(text)
	if err := canonical.Canonicalize(); err != nil {
		return "", fmt.Errorf("digest of %s: %w", model, schema.Malformed(err))
	}
	sum := sha256.Sum256(canonical)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// checkExact refuses params with a number that a float64 does not hold.
func checkExact(params jsontext.Value) error {
	if params == nil {
		return nil
	}
	s, err := schema.Of[jsontext.Value]()
	if err != nil {
		return err
	}
	if err := s.Check(params); err != nil {
		return fault.From(err).Under("params")
	}
	return nil
}
