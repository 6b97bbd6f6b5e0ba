package function

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a spec file.
type Problem struct {
	File    string
	Line    int    // from 1 on; 0 if it is about the whole file
	Path    string // of the field, such as scale.max; "" if it is not about one
	Message string
}

// String is the problem in one line, as compilers write theirs.
func (p Problem) String() string {
	text := p.File + ":"
	if p.Line > 0 {
		text = fmt.Sprintf("%s:%d:", p.File, p.Line)
	}
	if p.Path != "" {
		text += " " + p.Path + ":"
	}
	return text + " " + p.Message
}

// ProblemsError is all that is wrong with spec files: file by file, in the order of the
// lines.
type ProblemsError []Problem

// Error has a line for each.
func (p ProblemsError) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// sort brings the problems of one file into order.
func (p ProblemsError) sort() {
	slices.SortFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
}
