package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/schema"
	"github.com/modelfn/modelfn/functions/registry/store"
)

// schemas are the JSON Schemas of the models' params, each model's a log of its own
// in the store. A version of the params names the version of the schema that it
// fits, so a schema that no params name has no effect.
type schemas struct {
	store *store.Store

	mu     sync.Mutex // guards byName
	byName map[string]*modelSchema
}

// modelSchema is one version of a model's schema, compiled. It is immutable.
type modelSchema struct {
	version  int64 // 0 if it is not stored yet
	text     jsontext.Value
	compiled *jsonschema.Schema
}

// schemaLog is the name of the log of a model's schemas.
func schemaLog(model string) string { return "schemas/" + model }

// at returns one version of a model's schema. The one that was used last is kept.
func (s *schemas) at(ctx context.Context, model string, version int64) (*modelSchema, error) {
	s.mu.Lock()
	known := s.byName[model]
	s.mu.Unlock()
	if known != nil && known.version == version {
		return known, nil
	}
	text, err := s.store.Get(ctx, schemaLog(model), version)
	if err != nil {
		return nil, storeFault(err)
	}
	found, err := compile(text)
	if err != nil {
		return nil, damaged(fmt.Sprintf("version %d of the schema of %s", version, model), err)
	}
	found.version = version
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName == nil {
		s.byName = map[string]*modelSchema{}
	}
	s.byName[model] = found
	return found, nil
}

// put stores a schema, unless it is the newest one already, and returns its version.
func (s *schemas) put(ctx context.Context, model string, text jsontext.Value) (int64, error) {
	for {
		newest, err := s.store.Head(ctx, schemaLog(model))
		if err != nil {
			return 0, storeFault(err)
		}
		if newest > 0 {
			now, err := s.at(ctx, model, newest)
			if err != nil {
				return 0, err
			}
			if bytes.Equal(now.text, text) {
				return newest, nil
			}
		}
		err = s.store.Append(ctx, schemaLog(model), newest+1, text)
		if err == nil {
			return newest + 1, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return 0, storeFault(err)
		}
	}
}

// compile reads a JSON Schema. Its references stay within it: nothing is loaded.
func compile(text jsontext.Value) (*modelSchema, error) {
	const place = "schema:params"
	if text.Kind() != '{' {
		return nil, fault.Field("schema", "not an object")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fault.Field("schema", "not valid JSON")
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(nothing{})
	if err := c.AddResource(place, doc); err != nil {
		return nil, fault.Field("schema", "not a JSON Schema: %v", err)
	}
	compiled, err := c.Compile(place)
	if err != nil {
		return nil, fault.Field("schema", "not a JSON Schema: %v", err)
	}
	return &modelSchema{text: text, compiled: compiled}, nil
}

// nothing is a loader that refuses every URL.
type nothing struct{}

func (nothing) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not part of the schema", url)
}

// check reports all that a schema finds wrong with params.
func (m *modelSchema) check(raw jsontext.Value) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return fault.Field("params", "not valid JSON")
	}
	err = m.compiled.Validate(value)
	if err == nil {
		return nil
	}
	wrong, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return fmt.Errorf("validating params: %w", err)
	}
	leaves := leavesOf(wrong, nil)
	// The validator goes through objects in no order.
	slices.SortStableFunc(leaves, func(a, b *jsonschema.ValidationError) int {
		return slices.CompareFunc(a.InstanceLocation, b.InstanceLocation, byPlace)
	})
	var p fault.Problems
	for _, leaf := range leaves {
		tell(&p, leaf)
	}
	return p.Err()
}

// byPlace orders the tokens of places: indices as numbers, names as texts.
func byPlace(a, b string) int {
	i, notA := strconv.Atoi(a)
	j, notB := strconv.Atoi(b)
	if notA == nil && notB == nil {
		return i - j
	}
	return strings.Compare(a, b)
}

// leavesOf appends the innermost errors: those that name a cause.
func leavesOf(e *jsonschema.ValidationError, list []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return append(list, e)
	}
	for _, cause := range e.Causes {
		list = leavesOf(cause, list)
	}
	return list
}

var printer = message.NewPrinter(language.English)

// tell adds what an error says about which fields.
func tell(p *fault.Problems, e *jsonschema.ValidationError) {
	if p.Full() {
		p.Add("", "") // it is only counted
		return
	}
	var at jsontext.Pointer
	for _, token := range e.InstanceLocation {
		at = at.AppendToken(token)
	}
	path := func(p jsontext.Pointer) string { return fault.Join("params", schema.Path(p)) }
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			p.Add(path(at.AppendToken(name)), "missing")
		}
	case *kind.AdditionalProperties:
		for _, name := range slices.Sorted(slices.Values(k.Properties)) {
			p.Add(path(at.AppendToken(name)), "unknown field")
		}
	// These the library writes as people do, with 3,000 for 3000.
	case *kind.Minimum:
		p.Add(path(at), "%s is not at least %s", text(k.Got), text(k.Want))
	case *kind.Maximum:
		p.Add(path(at), "%s is not at most %s", text(k.Got), text(k.Want))
	case *kind.ExclusiveMinimum:
		p.Add(path(at), "%s is not above %s", text(k.Got), text(k.Want))
	case *kind.ExclusiveMaximum:
		p.Add(path(at), "%s is not below %s", text(k.Got), text(k.Want))
	default:
		p.Add(path(at), "%s", k.LocalizedString(printer))
	}
}

func text(v *big.Rat) string {
	f, _ := v.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}
