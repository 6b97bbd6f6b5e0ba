package api

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/fault"
)

// merge applies an RFC 7396 merge patch.
func merge(target, patch jsontext.Value) (jsontext.Value, error) {
	var out bytes.Buffer
	if err := mergeInto(jsontext.NewEncoder(&out), target, patch); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

// mergeInto writes what RFC 7396 makes of a target and a patch: members of the
// patch replace those of the target, null removes them, and anything but an
// object replaces the target as a whole.
func mergeInto(out *jsontext.Encoder, target, patch jsontext.Value) error {
	if patch.Kind() != '{' {
		return out.WriteValue(patch)
	}
	changes, err := members(patch)
	if err != nil {
		return err
	}
	var olds []entry
	if target.Kind() == '{' {
		if olds, err = members(target); err != nil {
			return err
		}
	}
	if err := out.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, old := range olds {
		change, changed := find(changes, old.name)
		switch {
		case !changed:
			err = writeMember(out, old.name, func() error { return out.WriteValue(old.value) })
		case change.Kind() != 'n':
			err = writeMember(out, old.name, func() error { return mergeInto(out, old.value, change) })
		}
		if err != nil {
			return err
		}
	}
	for _, change := range changes {
		if _, old := find(olds, change.name); old || change.value.Kind() == 'n' {
			continue
		}
		if err := writeMember(out, change.name, func() error { return mergeInto(out, nil, change.value) }); err != nil {
			return err
		}
	}
	return out.WriteToken(jsontext.EndObject)
}

// entry is one member of an object.
type entry struct {
	name  string
	value jsontext.Value
}

func find(list []entry, name string) (jsontext.Value, bool) {
	for _, e := range list {
		if e.name == name {
			return e.value, true
		}
	}
	return nil, false
}

func writeMember(out *jsontext.Encoder, name string, value func() error) error {
	if err := out.WriteToken(jsontext.String(name)); err != nil {
		return err
	}
	return value()
}

// members returns the members of an object in their order.
func members(v jsontext.Value) ([]entry, error) {
	var list []entry
	err := json.Unmarshal(v, &list, json.WithUnmarshalers(json.UnmarshalFromFunc(readMembers)))
	if err != nil {
		return nil, fault.New(fault.Invalid, "not a JSON object")
	}
	return list, nil
}

func readMembers(dec *jsontext.Decoder, list *[]entry) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		e := entry{name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		e.value = value.Clone()
		*list = append(*list, e)
	}
	_, err := dec.ReadToken()
	return err
}

// elements returns the items of an array.
func elements(v jsontext.Value) ([]jsontext.Value, error) {
	var list []jsontext.Value
	if err := json.Unmarshal(v, &list); err != nil {
		return nil, fault.New(fault.Invalid, "not a JSON array")
	}
	return list, nil
}
