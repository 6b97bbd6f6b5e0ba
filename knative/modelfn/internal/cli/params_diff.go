package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/registry"
)

// difference is one value that differs between two documents.
type difference struct {
	Path string         `json:"path"`
	From jsontext.Value `json:"from,omitzero"` // missing if the value is new
	To   jsontext.Value `json:"to,omitzero"`   // missing if the value is gone
}

func (d difference) String() string {
	return fmt.Sprintf("%s: %s → %s", d.Path, cmp.Or(string(d.From), "nothing"), cmp.Or(string(d.To), "nothing"))
}

func (a *app) paramsDiff() *cobra.Command {
	return a.ask(&cobra.Command{
		Use:   "diff MODEL [FROM [TO]]",
		Short: "Show what differs between two versions of a model",
		Long: `Show what differs between two versions of a model.

TO is the current version if it is left out, and FROM the one that was current before.`,
		Example: `  modelfn params diff model-a
  modelfn params diff model-a 3 17`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := takesModel(0, 2)(cmd, args); err != nil {
				return err
			}
			for _, arg := range args[1:] {
				if _, err := version(arg); err != nil {
					return err
				}
			}
			return nil
		},
	}, func(ctx context.Context, c *registry.Client, args []string) error {
		var versions [2]int64
		for i, arg := range args[1:] {
			versions[i], _ = version(arg) // Args saw that it is one
		}
		return a.diff(ctx, c, args[0], versions[0], versions[1])
	})
}

// diff compares two versions; 0 is the one that the help says.
func (a *app) diff(ctx context.Context, c *registry.Client, model string, from, to int64) error {
	after, err := document(ctx, c, model, to)
	if err != nil {
		return err
	}
	var before params.Document
	if from > 0 {
		before, err = c.Version(ctx, model, from)
	} else {
		before, err = former(ctx, c, after)
	}
	if err != nil {
		return err
	}
	list, err := compare(before, after)
	if err != nil {
		return err
	}
	result := struct {
		Model   string       `json:"model"`
		From    int64        `json:"from"`
		To      int64        `json:"to"`
		Changes []difference `json:"changes"`
	}{model, before.Version, after.Version, list}
	return a.print(result, func(w io.Writer) error {
		for _, d := range list {
			if _, err := fmt.Fprintln(w, d); err != nil {
				return err
			}
		}
		return nil
	})
}

// former returns the version that was current before another one.
func former(ctx context.Context, c *registry.Client, d params.Document) (params.Document, error) {
	for before := d.Version; before > 1; {
		page, next, err := c.Versions(ctx, d.Model, before, mostPage)
		if err != nil {
			return params.Document{}, err
		}
		if i := slices.IndexFunc(page, func(d params.Document) bool { return !d.Held }); i >= 0 {
			return page[i], nil
		}
		before = next
	}
	return params.Document{}, fmt.Errorf("there is no version of %s before %d", d.Model, d.Version)
}

// compare returns what differs, in the order of the documents.
func compare(before, after params.Document) ([]difference, error) {
	was, err := leavesOf(before)
	if err != nil {
		return nil, err
	}
	is, err := leavesOf(after)
	if err != nil {
		return nil, err
	}
	list := []difference{}
	find := func(in []leaf, path string) jsontext.Value {
		if i := slices.IndexFunc(in, func(l leaf) bool { return l.path == path }); i >= 0 {
			return in[i].value
		}
		return nil
	}
	for _, l := range was {
		if now := find(is, l.path); !bytes.Equal(now, l.value) {
			list = append(list, difference{l.path, l.value, now})
		}
	}
	for _, l := range is {
		if find(was, l.path) == nil {
			list = append(list, difference{Path: l.path, To: l.value})
		}
	}
	return list, nil
}

// leaf is a value that has no others in it, and its path.
type leaf struct {
	path  string
	value jsontext.Value
}

// leavesOf returns the leaves of a document's params and requirements.
func leavesOf(d params.Document) (list []leaf, err error) {
	if d.Params != nil {
		content := d.Params.Clone()
		if err := content.Canonicalize(); err != nil { // 1.50 is 1.5
			return nil, fmt.Errorf("reading %s: %w", title(d), err)
		}
		if list, err = leaves(jsontext.NewDecoder(bytes.NewReader(content)), "", nil); err != nil {
			return nil, fmt.Errorf("reading %s: %w", title(d), err)
		}
	}
	for _, name := range d.RequiredNames() {
		list = append(list, leaf{"requires." + name, jsontext.Value(strconv.FormatInt(d.Requires[name].Version, 10))})
	}
	return list, nil
}

// leaves reads one value and appends its leaves.
func leaves(dec *jsontext.Decoder, path string, list []leaf) ([]leaf, error) {
	kind := dec.PeekKind()
	if kind != '{' && kind != '[' {
		v, err := dec.ReadValue()
		return append(list, leaf{path, v.Clone()}), err
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	n := 0
	for ; dec.PeekKind() != '}' && dec.PeekKind() != ']'; n++ {
		below := path + "[" + strconv.Itoa(n) + "]"
		if kind == '{' {
			name, err := dec.ReadToken()
			if err != nil {
				return nil, err
			}
			below = fault.Join(path, name.String())
		}
		var err error
		if list, err = leaves(dec, below, list); err != nil {
			return nil, err
		}
	}
	if n == 0 {
		list = append(list, leaf{path, jsontext.Value(map[jsontext.Kind]string{'{': "{}", '[': "[]"}[kind])})
	}
	_, err := dec.ReadToken()
	return list, err
}

// setAll changes values in params, each as PATH=VALUE says.
func setAll(content jsontext.Value, sets []string) (jsontext.Value, error) {
	if len(sets) == 0 {
		return content, nil
	}
	var root any
	if err := json.Unmarshal(content, &root); err != nil {
		return nil, fmt.Errorf("reading the params: %w", err)
	}
	for _, set := range sets {
		path, text, ok := strings.Cut(set, "=")
		if !ok || path == "" {
			return nil, fmt.Errorf("--set %s: not PATH=VALUE", set)
		}
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			return nil, fmt.Errorf("--set %s: the value is not JSON (a text stands in quotes)", set)
		}
		steps, err := parsePath(path)
		if err == nil {
			root, err = setAt(root, "", steps, value)
		}
		if err != nil {
			return nil, fmt.Errorf("--set %s: %w", set, err)
		}
	}
	return json.Marshal(root, json.Deterministic(true))
}

// parsePath splits weights[0].x into "weights", 0 and "x".
func parsePath(path string) (steps []any, err error) {
	wrong := fmt.Errorf("%q is not a path such as weights[0] or a.b", path)
	for part := range strings.SplitSeq(path, ".") {
		name, _, _ := strings.Cut(part, "[")
		indexes := part[len(name):]
		if name != "" {
			steps = append(steps, name)
		} else if indexes == "" || len(steps) > 0 {
			return nil, wrong
		}
		for indexes != "" {
			index, after, closed := strings.Cut(strings.TrimPrefix(indexes, "["), "]")
			i, err := strconv.Atoi(index)
			if err != nil || i < 0 || !closed || indexes[0] != '[' {
				return nil, wrong
			}
			steps, indexes = append(steps, i), after
		}
	}
	return steps, nil
}

// setAt returns v, which is at a path, with the value changed that the steps lead to
// from there. A name may be new, an index not.
func setAt(v any, path string, steps []any, value any) (any, error) {
	if len(steps) == 0 {
		return value, nil
	}
	var err error
	switch step := steps[0].(type) {
	case string:
		object, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s is no object", cmp.Or(path, "the whole"))
		}
		object[step], err = setAt(object[step], fault.Join(path, step), steps[1:], value)
		return object, err
	case int:
		list, ok := v.([]any)
		if !ok || step >= len(list) {
			return nil, fmt.Errorf("%s has no item %d", cmp.Or(path, "the whole"), step)
		}
		list[step], err = setAt(list[step], fmt.Sprintf("%s[%d]", path, step), steps[1:], value)
		return list, err
	default:
		return nil, fmt.Errorf("%v is not a step", step)
	}
}
