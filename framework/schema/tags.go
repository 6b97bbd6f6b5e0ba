package schema

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// readName takes a json tag apart. The options that change a value's form are not
// known here, so they are refused.
func readName(tag string) (name string, optional bool, err error) {
	name, options, more := strings.Cut(tag, ",")
	if name == "" || strings.ContainsAny(name, `'"\`+"`") {
		return "", false, errors.New("its json tag has no plain name")
	}
	for more {
		var option string
		option, options, more = strings.Cut(options, ",")
		if option != "omitzero" && option != "omitempty" {
			return "", false, fmt.Errorf("the option %q of its json tag is neither omitzero nor omitempty", option)
		}
		optional = true
	}
	return name, optional, nil
}

// read takes over what a field's tags say.
func (n *node) read(tag reflect.StructTag) error {
	n.doc, n.unit = tag.Get("doc"), tag.Get("unit")
	leaf := n
	for leaf.items != nil {
		leaf = leaf.items
	}
	isSlice := n.kind == array && n.most < 0
	isNumber := leaf.kind == number || leaf.kind == integer
	var bad []error
	one := func(key string, fits bool, set func(float64)) {
		s, ok := tag.Lookup(key)
		if !ok {
			return
		}
		v, err := strconv.ParseFloat(s, 64)
		switch {
		case !fits:
			bad = append(bad, fmt.Errorf("tag %s: not for %s", key, n.kind.article()))
		case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
			bad = append(bad, fmt.Errorf("tag %s: %q is not a number", key, s))
		default:
			set(v)
		}
	}
	length := func(key string, set func(int)) {
		one(key, isSlice, func(v float64) {
			if v != math.Trunc(v) || v < 0 || v > math.MaxInt32 {
				bad = append(bad, fmt.Errorf("tag %s: %v is not a length", key, v))
			}
			set(int(v))
		})
	}
	length("len", func(v int) { n.fewest, n.most = v, v })
	length("minlen", func(v int) { n.fewest = v })
	length("maxlen", func(v int) { n.most = v })
	one("min", isNumber, func(v float64) { leaf.from(v, false) })
	one("max", isNumber, func(v float64) { leaf.to(v, false) })
	one("above", isNumber, func(v float64) { leaf.from(v, true) })
	one("below", isNumber, func(v float64) { leaf.to(v, true) })
	if list, ok := tag.Lookup("enum"); ok {
		if leaf.kind != text || leaf.format != "" {
			bad = append(bad, errors.New("tag enum: only for strings"))
		}
		leaf.enum = strings.Split(list, ",")
	}
	if n.most >= 0 && n.fewest > n.most || leaf.low > leaf.high || leaf.low == leaf.high && (leaf.lowOpen || leaf.highOpen) {
		bad = append(bad, errors.New("the tags leave nothing that is allowed"))
	}
	return errors.Join(bad...)
}

// from and to narrow the range of a number.
func (n *node) from(v float64, open bool) {
	if v >= n.low {
		n.low, n.lowOpen = v, open || v == n.low && n.lowOpen
	}
}

func (n *node) to(v float64, open bool) {
	if v <= n.high {
		n.high, n.highOpen = v, open || v == n.high && n.highOpen
	}
}
