package function

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"github.com/modelfn/modelfn/framework/schema"
)

// reader reads one file.
type reader struct {
	file     string
	problems ProblemsError
	places   map[string]place // by path
	bad      map[string]bool  // paths of problems
}

// place is where a value stands: in the file, and in the tree that is made of it.
type place struct {
	line int
	in   map[string]any // nil for the whole
	name string
}

// add notes a problem, unless there is one with the same field already.
func (r *reader) add(path, format string, args ...any) {
	if r.bad[path] {
		return
	}
	r.bad[path] = true
	r.problem(r.line(path), path, fmt.Sprintf(format, args...))
}

func (r *reader) problem(line int, path, message string) {
	r.problems = append(r.problems, Problem{r.file, line, path, message})
}

// line is where a field stands, or else what it is missing from.
func (r *reader) line(path string) int {
	for {
		if p, ok := r.places[path]; ok || path == "" {
			return p.line
		}
		path = parent(path)
	}
}

// parent is the path that another one stands below.
func parent(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' || path[i] == '[' {
			return path[:i]
		}
	}
	return ""
}

// prune takes a value out of the tree.
func (r *reader) prune(path string) {
	if p := r.places[path]; p.in != nil {
		delete(p.in, p.name)
	}
}

// read makes a tree, as of JSON, of a file's content; nil if there is none.
func (r *reader) read(content []byte) map[string]any {
	var document, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	if err := decoder.Decode(&document); err != nil {
		r.syntax(err)
		return nil
	}
	if err := decoder.Decode(&more); err == nil {
		r.problem(more.Line, "", "a second document: one function a file")
		return nil
	} else if !errors.Is(err, io.EOF) {
		r.syntax(err)
		return nil
	}
	return r.root(document.Content[0])
}

// syntaxForm is how the parser writes an error: the line, if it knows it, and why.
var syntaxForm = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)

// syntax notes an error of the parser.
func (r *reader) syntax(err error) {
	line, message := 0, err.Error()
	if errors.Is(err, io.EOF) {
		message = "empty"
	} else if match := syntaxForm.FindStringSubmatch(message); match != nil {
		line, _ = strconv.Atoi(match[1]) // 0 if there is none
		message = match[2]
	}
	r.problem(line, "", message)
}

// root reads the whole.
func (r *reader) root(n *yaml.Node) map[string]any {
	r.places[""] = place{line: n.Line}
	if n.Kind != yaml.MappingNode {
		r.add("", "not fields and their values, such as name: model-a")
		return nil
	}
	return r.mapping(n, "")
}

// value reads what a node holds; false, with a problem, if JSON cannot hold it.
func (r *reader) value(n *yaml.Node, at jsontext.Pointer) (any, bool) {
	switch n.Kind {
	case yaml.MappingNode:
		return r.mapping(n, at), true
	case yaml.SequenceNode:
		items := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			v, _ := r.value(item, at.AppendToken(strconv.Itoa(len(items))))
			items = append(items, v)
		}
		return items, true
	case yaml.AliasNode:
		r.add(schema.Path(at), "an alias: write the value out")
		return nil, false
	}
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp":
		if !utf8.ValidString(n.Value) {
			r.add(schema.Path(at), "not valid UTF-8")
			return nil, false
		}
		return n.Value, true
	case "!!null":
		return nil, true
	case "!!bool":
		var b bool
		return b, n.Decode(&b) == nil
	case "!!int", "!!float":
		return r.number(n, at)
	default:
		r.add(schema.Path(at), "a value of the type %s", tag)
		return nil, false
	}
}

func (r *reader) mapping(n *yaml.Node, at jsontext.Pointer) map[string]any {
	object, seen := make(map[string]any, len(n.Content)/2), map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, content := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" || !utf8.ValidString(key.Value) {
			r.problem(key.Line, schema.Path(at), "a name that is not a string")
			continue
		}
		below := at.AppendToken(key.Value)
		path := schema.Path(below)
		if seen[key.Value] {
			r.problem(key.Line, path, "there twice")
			continue
		}
		seen[key.Value] = true
		r.places[path] = place{line: key.Line, in: object, name: key.Value}
		if v, ok := r.value(content, below); ok {
			object[key.Value] = v
		}
	}
	return object
}

// number keeps a number as it is written, if JSON writes it so.
func (r *reader) number(n *yaml.Node, at jsontext.Pointer) (any, bool) {
	if text := jsontext.Value(n.Value); text.IsValid() {
		return text, true
	}
	var f float64
	if err := n.Decode(&f); err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		r.add(schema.Path(at), "not a number")
		return nil, false
	}
	return f, true
}
