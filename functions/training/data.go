package training

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/modelfn/modelfn/functions/standardize"
)

// target is the column that the models predict.
const target = "progression"

// fewestRows is how many rows a training needs: more than it has coefficients, or
// every model meets every row.
const fewestRows = standardize.Features + 2

// A file that goes beyond these bounds is something else than training data.
const (
	maxRows   = 1_000_000
	maxRow    = 1 << 20 // bytes
	maxField  = 64      // bytes of a number
	maxNumber = 1e100   // so that no sum of squares overflows
)

// Data are the rows that models are trained on.
type Data struct {
	features [][standardize.Features]float64
	target   []float64
}

// Rows returns the number of rows.
func (d *Data) Rows() int { return len(d.target) }

// ReadCSV reads training data: a header line that names the columns bmi, bp, s5 and
// progression, in any order and among any others, and a line of numbers for each
// row. An error names the line and the column.
func ReadCSV(r io.Reader) (*Data, error) {
	text := &bounded{r: &plain{r: r}, line: 1}
	reader := csv.NewReader(text)
	reader.FieldsPerRecord = -1 // told apart here, with line and column
	reader.ReuseRecord = true
	text.refill()
	header, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty: its first line has to name the columns")
	}
	if err != nil {
		return nil, malformed(err)
	}
	line, _ := reader.FieldPos(0)
	columns, err := find(header)
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", line, err)
	}
	width := len(header)
	d := &Data{}
	for {
		text.refill()
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, malformed(err)
		}
		line, _ := reader.FieldPos(0)
		if len(record) != width {
			return nil, fmt.Errorf("line %d: the header has %d columns, and this line %d", line, width, len(record))
		}
		if err := d.add(record, columns, line); err != nil {
			return nil, err
		}
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	return d, nil
}

// malformed says where a file is no CSV.
func malformed(err error) error {
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		if e.StartLine < e.Line { // a quote that is not closed goes on to the end
			return fmt.Errorf("lines %d to %d: not CSV: %w", e.StartLine, e.Line, e.Err)
		}
		return fmt.Errorf("line %d: not CSV: %w", e.Line, e.Err)
	}
	return fmt.Errorf("reading: %w", err)
}

// column is a column that training needs.
type column struct {
	name string
	at   int
}

// find returns the columns of the features, in their order, and of the target.
func find(header []string) ([]column, error) {
	var columns []column
	for _, v := range standardize.Inputs() {
		columns = append(columns, column{name: v.Name})
	}
	columns = append(columns, column{name: target})
	var missing []string
	for i, c := range columns {
		at := slices.IndexFunc(header, func(h string) bool { return strings.TrimSpace(h) == c.name })
		if at < 0 {
			missing = append(missing, c.name)
			continue
		}
		if slices.ContainsFunc(header[at+1:], func(h string) bool { return strings.TrimSpace(h) == c.name }) {
			return nil, fmt.Errorf("column %s is there twice", c.name)
		}
		columns[i].at = at
	}
	if missing != nil {
		return nil, fmt.Errorf("there is no column %s", strings.Join(missing, ", nor "))
	}
	return columns, nil
}

// add reads one row.
func (d *Data) add(record []string, columns []column, line int) error {
	if d.Rows() == maxRows {
		return fmt.Errorf("line %d: over %d rows", line, maxRows)
	}
	var values [standardize.Features + 1]float64
	for i, c := range columns {
		v, err := number(record[c.at])
		if err != nil {
			return fmt.Errorf("line %d, column %s: %w", line, c.name, err)
		}
		values[i] = v
	}
	d.features = append(d.features, [standardize.Features]float64(values[:standardize.Features]))
	d.target = append(d.target, values[standardize.Features])
	return nil
}

func number(field string) (float64, error) {
	field = strings.TrimSpace(field)
	switch {
	case field == "":
		return 0, errors.New("it is empty")
	case len(field) > maxField:
		return 0, fmt.Errorf("%.20q… is not a number", field)
	}
	v, err := strconv.ParseFloat(field, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange), strings.ContainsAny(field, "xX_"):
		return 0, fmt.Errorf("%q is not a number", field)
	case math.IsNaN(v) || math.IsInf(v, 0) && err == nil:
		return 0, fmt.Errorf("%q is not a finite number", field)
	case math.Abs(v) > maxNumber:
		return 0, fmt.Errorf("%q is beyond ±%g", field, maxNumber)
	}
	return v, nil
}

// check refuses data that nothing can be learned from.
func (d *Data) check() error {
	if d.Rows() < fewestRows {
		return fmt.Errorf("the file has %d rows of data; training needs at least %d", d.Rows(), fewestRows)
	}
	for i, v := range standardize.Inputs() {
		first := d.features[0][i]
		if !slices.ContainsFunc(d.features, func(row [standardize.Features]float64) bool { return row[i] != first }) {
			return fmt.Errorf("column %s: every row has %g, so it says nothing", v.Name, first)
		}
	}
	return nil
}

// bounded is a text of rows of at most maxRow bytes. Package csv would keep a file
// that has no line breaks in memory as one row.
type bounded struct {
	r    io.Reader
	line int // that is being read
	left int // bytes that the row at hand may still have
}

// refill begins a new row.
func (b *bounded) refill() { b.left = maxRow }

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("line %d: the row is over %d bytes", b.line, maxRow)
	}
	n, err := b.r.Read(p)
	b.left -= n
	b.line += bytes.Count(p[:n], []byte("\n"))
	return n, err
}

// plain takes a byte order mark off a text.
type plain struct {
	r     io.Reader
	begun bool
}

func (p *plain) Read(b []byte) (int, error) {
	if p.begun {
		return p.r.Read(b)
	}
	p.begun = true
	var mark [3]byte
	n, err := io.ReadFull(p.r, mark[:])
	head := strings.TrimPrefix(string(mark[:n]), "\ufeff")
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	if err != nil {
		return 0, err
	}
	p.r = io.MultiReader(strings.NewReader(head), p.r)
	return p.r.Read(b)
}
