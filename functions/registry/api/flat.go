package api

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
)

// Flat names give every single value of every model a name of its own:
// param_a_1, param_a_2, … for model-a, in the order of its schema. They are for
// forms and scripts that know nothing of structure.
const flatPrefix = "param_"

// flatNames returns what the models are called in flat names: a for model-a, d for
// component-d, and a model's whole name if another could be called the same.
func flatNames(models []string) map[string]string {
	short := func(model string) string {
		for _, prefix := range []string{"model-", "component-"} {
			if rest, ok := strings.CutPrefix(model, prefix); ok {
				return underscored(rest)
			}
		}
		return underscored(model)
	}
	taken := map[string]int{}
	for _, model := range models {
		taken[short(model)]++
		if whole := underscored(model); whole != short(model) {
			taken[whole]++
		}
	}
	names := map[string]string{}
	for _, model := range models {
		if names[model] = short(model); taken[short(model)] > 1 {
			names[model] = underscored(model)
		}
	}
	return names
}

func underscored(model string) string { return strings.ReplaceAll(model, "-", "_") }

// eachFlat calls change for every single value of every current document, with its
// flat name, and then done with the params that the results make.
func (r *Registry) eachFlat(
	ctx context.Context,
	change func(name string, v jsontext.Value) jsontext.Value,
	done func(d *params.Document, content jsontext.Value),
) error {
	all, err := r.all(ctx)
	if err != nil {
		return err
	}
	models := slices.Sorted(maps.Keys(all))
	names := flatNames(models)
	for _, model := range models {
		s, err := r.schemas.at(ctx, model, all[model].current.Schema)
		if err != nil {
			return err
		}
		count := 0
		content, err := mapLeaves(s.text, all[model].doc().Params, func(v jsontext.Value) jsontext.Value {
			count++
			return change(flatPrefix+names[model]+"_"+strconv.Itoa(count), v)
		})
		if err != nil {
			return err
		}
		done(all[model].doc(), content)
	}
	return nil
}

// Flat returns all single values of all current documents by their flat names.
func (r *Registry) Flat(ctx context.Context) (map[string]jsontext.Value, error) {
	flat := map[string]jsontext.Value{}
	note := func(name string, v jsontext.Value) jsontext.Value {
		flat[name] = v
		return v
	}
	err := r.eachFlat(ctx, note, func(*params.Document, jsontext.Value) {})
	return flat, err
}

// unflatten turns flat values into writes, one for each model that they name.
func (r *Registry) unflatten(ctx context.Context, flat map[string]jsontext.Value) (map[string]*plannedWrite, error) {
	var p fault.Problems
	for _, name := range slices.Sorted(maps.Keys(flat)) {
		if kind := flat[name].Kind(); kind == '{' || kind == '[' {
			p.Add(name, "not a single value")
		}
	}
	left := maps.Clone(flat)
	changed := false
	writes := map[string]*plannedWrite{}
	take := func(name string, v jsontext.Value) jsontext.Value {
		given, ok := left[name]
		if !ok {
			return v
		}
		delete(left, name)
		changed = true
		return given
	}
	err := r.eachFlat(ctx, take, func(d *params.Document, content jsontext.Value) {
		if changed {
			writes[d.Model] = &plannedWrite{model: d.Model, Write: Write{Params: content, IfMatch: params.ETag(d.Version, d.Digest)}}
			changed = false
		}
	})
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		p.Add(name, "no such value")
	}
	return writes, p.Err()
}

// mapLeaves returns a value with each of its leaves, the values that are neither
// objects nor arrays, replaced by what change makes of it; in the order of the
// schema.
func mapLeaves(schema, value jsontext.Value, change func(jsontext.Value) jsontext.Value) (jsontext.Value, error) {
	var out bytes.Buffer
	err := writeLeaves(jsontext.NewEncoder(&out), schema, value, change)
	return bytes.TrimSpace(out.Bytes()), err
}

func writeLeaves(out *jsontext.Encoder, schema, value jsontext.Value, change func(jsontext.Value) jsontext.Value) error {
	switch value.Kind() {
	case '{':
		return writeObjectLeaves(out, schema, value, change)
	case '[':
		items, err := elements(value)
		if err != nil {
			return err
		}
		shape := keyword(schema, "items")
		if err := out.WriteToken(jsontext.BeginArray); err != nil {
			return err
		}
		for _, item := range items {
			if err := writeLeaves(out, shape, item, change); err != nil {
				return err
			}
		}
		return out.WriteToken(jsontext.EndArray)
	default:
		return out.WriteValue(change(value))
	}
}

func writeObjectLeaves(out *jsontext.Encoder, schema, value jsontext.Value, change func(jsontext.Value) jsontext.Value) error {
	all, err := members(value)
	if err != nil {
		return err
	}
	shapes, err := members(orEmpty(keyword(schema, "properties")))
	if err != nil {
		return err
	}
	place := func(e entry) int {
		i := slices.IndexFunc(shapes, func(s entry) bool { return s.name == e.name })
		if i < 0 {
			i = len(shapes)
		}
		return i
	}
	slices.SortStableFunc(all, func(a, b entry) int { return place(a) - place(b) })
	if err := out.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, e := range all {
		shape, _ := find(shapes, e.name)
		if err := writeMember(out, e.name, func() error { return writeLeaves(out, shape, e.value, change) }); err != nil {
			return err
		}
	}
	return out.WriteToken(jsontext.EndObject)
}

// keyword returns a member of a schema, nil if it has none.
func keyword(schema jsontext.Value, name string) jsontext.Value {
	if schema.Kind() != '{' {
		return nil
	}
	list, err := members(schema)
	if err != nil {
		return nil
	}
	v, _ := find(list, name)
	return v
}

func orEmpty(v jsontext.Value) jsontext.Value {
	if v.Kind() != '{' {
		return jsontext.Value("{}")
	}
	return v
}
