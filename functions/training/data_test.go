package training_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/functions/training"
	"github.com/modelfn/modelfn/samples"
)

const header = "bmi,bp,s5,progression\n"

// rows are enough to train on.
const rows = "18,62,3.2,25\n20,81,4.1,75\n25,75,5.0,141\n31,99,4.4,206\n42,133,6.1,346\n"

func TestReadCSV(t *testing.T) {
	for _, test := range []struct {
		name, text string
		rows       int
	}{
		{"as it is", header + rows, 5},
		{"other columns, in another order", "progression,id,s5,bp,bmi,id\n1,x,2,3,4,\n2,,3,5,4,y\n3,,3,3,3,\n4,,4,4,4,\n5,,1,1,1,\n", 5},
		{"a byte order mark", "\ufeff" + header + rows, 5},
		{"CRLF", strings.ReplaceAll(header+rows, "\n", "\r\n"), 5},
		{"no line break at the end", header + strings.TrimSuffix(rows, "\n"), 5},
		{"blank lines", "\n" + header + "\n\r\n" + rows + "\n\n", 5},
		{"spaces", " bmi , bp\t,s5 , progression \n" + strings.ReplaceAll(rows, ",", "\t, "), 5},
		{"quotes", `"bmi","bp","s5","progression"` + "\n" + `"18","62","3.2","25"` + "\n" + rows, 6},
		{"ways to write a number", header + rows + "+1,-2.,.5,1e2\n00018,1E-3,5e+0,-0\n", 7},
		{"as large as numbers may be", header + rows + "1e100,-1e100,1,1\n", 6},
		{"too small for a number", header + rows + "1e-400,1,1,1\n", 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := training.ReadCSV(strings.NewReader(test.text))
			require.NoError(t, err)
			require.Equal(t, test.rows, d.Rows())
			d, err = training.ReadCSV(iotest.OneByteReader(strings.NewReader(test.text)))
			require.NoError(t, err, "in small pieces")
			require.Equal(t, test.rows, d.Rows())
		})
	}
}

func TestReadCSVRefuses(t *testing.T) {
	row := func(text string) string { return header + rows + text + "\n" + rows }
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "the file is empty: its first line has to name the columns"},
		{"a byte order mark alone", "\ufeff", "the file is empty: its first line has to name the columns"},
		{"blank lines alone", "\n\n\r\n", "the file is empty: its first line has to name the columns"},
		{"no header", rows, "line 1: there is no column bmi, nor bp, nor s5, nor progression"},
		{"a column missing", "bmi,s5,progression\n1,2,3\n", "line 1: there is no column bp"},
		{"two columns missing", "bmi,s5\n1,2\n", "line 1: there is no column bp, nor progression"},
		{"names are exact", "BMI,bp,s5,progression\n", "line 1: there is no column bmi"},
		{"other separators", strings.ReplaceAll(header+rows, ",", ";"), "line 1: there is no column bmi, nor bp, nor s5, nor progression"},
		{"UTF-16", "\xff\xfeb\x00m\x00i\x00", "line 1: there is no column bmi, nor bp, nor s5, nor progression"},
		{"a header further down", "\n\n\"a\",bmi,bp,s5\n", "line 3: there is no column progression"},
		{"a column twice", "bmi,bp,s5,progression, bp \n" + rows, "line 1: column bp is there twice"},

		{"text", row("18,tall,3.2,25"), `line 7, column bp: "tall" is not a number`},
		{"text in the target", row("18,62,3.2,?"), `line 7, column progression: "?" is not a number`},
		{"the first of several", row("a,b,c,d"), `line 7, column bmi: "a" is not a number`},
		{"a unit", row("18 kg,62,3.2,25"), `line 7, column bmi: "18 kg" is not a number`},
		{"a decimal comma", row(`18,"62,5",3.2,25`), `line 7, column bp: "62,5" is not a number`},
		{"hexadecimal", row("0x12,62,3.2,25"), `line 7, column bmi: "0x12" is not a number`},
		{"hexadecimal with an exponent", row("0x1p4,62,3.2,25"), `line 7, column bmi: "0x1p4" is not a number`},
		{"hexadecimal out of range", row("-0X1p9999,62,3.2,25"), `line 7, column bmi: "-0X1p9999" is not a number`},
		{"underscores", row("1_8,62,3.2,25"), `line 7, column bmi: "1_8" is not a number`},
		{"two numbers", row("1 8,62,3.2,25"), `line 7, column bmi: "1 8" is not a number`},
		{"other digits", row("１８,62,3.2,25"), `line 7, column bmi: "１８" is not a number`},
		{"no UTF-8", row("\xff,62,3.2,25"), `line 7, column bmi: "\xff" is not a number`},
		{"a very long text", row("18,62," + strings.Repeat("long ", 20) + ",25"), `line 7, column s5: "long long long long "… is not a number`},
		{"empty", row("18,62,,25"), "line 7, column s5: it is empty"},
		{"spaces alone", row("18,62,  ,25"), "line 7, column s5: it is empty"},
		{"NaN", row("18,62,NaN,25"), `line 7, column s5: "NaN" is not a finite number`},
		{"infinity", row("18,62,3.2,-inf"), `line 7, column progression: "-inf" is not a finite number`},
		{"infinity in full", row("18,62,3.2,Infinity"), `line 7, column progression: "Infinity" is not a finite number`},
		{"no 64-bit number", row("18,62,3.2,1e400"), `line 7, column progression: "1e400" is beyond ±1e+100`},
		{"too large to compute with", row("18,62,-1.1e100,25"), `line 7, column s5: "-1.1e100" is beyond ±1e+100`},

		{"a column less", row("18,62,3.2"), "line 7: the header has 4 columns, and this line 3"},
		{"a column more", row("18,62,3.2,25,"), "line 7: the header has 4 columns, and this line 5"},
		{"a line of spaces", row("  "), "line 7: the header has 4 columns, and this line 1"},
		{"a stray quote", row(`18,6"2,3.2,25`), `line 7: not CSV: bare " in non-quoted-field`},
		{"a quote that goes on", row(`18,"62"1,3.2,25`), `line 7: not CSV: extraneous or missing " in quoted-field`},
		{"a quote that is not closed", row(`18,"62,3.2,25`), `lines 7 to 12: not CSV: extraneous or missing " in quoted-field`},
		{"after blank lines", row("\n\n18,?,3.2,25"), `line 9, column bp: "?" is not a number`},
		{"after a quote of several lines", "note," + header + "\"a\nb\",18,62,3.2,25\n\"c\n\nd\",?,62,3.2,25\n", `line 4, column bmi: "?" is not a number`},
		{"after CRLF", strings.ReplaceAll(row("18,?,3.2,25"), "\n", "\r\n"), `line 7, column bp: "?" is not a number`},

		{"a header alone", header, "the file has 0 rows of data; training needs at least 5"},
		{"too few rows", header + "1,2,3,4\n2,3,4,5\n3,4,5,7\n4,5,6,8\n", "the file has 4 rows of data; training needs at least 5"},
		{"a constant feature", header + strings.Repeat("1,0.1,3,4\n2,0.1,4,5\n", 3), "column bp: every row has 0.1, so it says nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := training.ReadCSV(strings.NewReader(test.text))
			require.EqualError(t, err, test.want)
			require.Nil(t, d)
		})
	}
}

// TestReadCSVReading: an error of the reader is none of the file.
func TestReadCSVReading(t *testing.T) {
	unplugged := errors.New("unplugged")
	for _, text := range []string{"", "bm", header, header + rows} {
		_, err := training.ReadCSV(io.MultiReader(strings.NewReader(text), iotest.ErrReader(unplugged)))
		require.ErrorIs(t, err, unplugged)
		require.EqualError(t, err, "reading: unplugged")
	}
}

// endless repeats a text for 64 MB, and counts what was read of it.
type endless struct {
	text string
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.read >= 1<<26 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.text[(e.read+n)%len(e.text):])
	}
	e.read += n
	return n, nil
}

// TestReadCSVBounds: what is no training data is refused before it fills the memory.
func TestReadCSVBounds(t *testing.T) {
	for _, test := range []struct {
		name, head, text, want string
	}{
		{"no line breaks", "", "x", "line 1: the row is over 1048576 bytes"},
		{"a header of a million columns", "", "x,", "line 1: the row is over 1048576 bytes"},
		{"a line without an end", header + rows + "1,", "2", "line 7: the row is over 1048576 bytes"},
		{"a quote without an end", header + rows + `1,"`, strings.Repeat("x", 63) + "\n", "the row is over 1048576 bytes"},
		{"blank lines without an end", header + rows, "\n", "the row is over 1048576 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			source := &endless{text: test.text}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := training.ReadCSV(io.MultiReader(strings.NewReader(test.head), source))
			runtime.ReadMemStats(&after)
			require.ErrorContains(t, err, test.want)
			require.Less(t, source.read, 2<<20)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(128<<20), "bytes allocated on the way")
		})
	}
}

// TestReadCSVLongRows: a row that is long but no more than that is read.
func TestReadCSVLongRows(t *testing.T) {
	long := strings.Repeat("x", 1<<19)
	text := "note," + header
	for i := range 5 {
		text += fmt.Sprintf("%s,%d,%d,%d,%d\n", long, i, i*i, i*i*i, i)
	}
	d, err := training.ReadCSV(strings.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, 5, d.Rows())
}

// FuzzReadCSV: no text is read as less than it takes, and what is wrong with one is
// told by its line, or is about the file as a whole.
func FuzzReadCSV(f *testing.F) {
	for _, seed := range []string{
		"", header, header + rows, "\ufeff" + header + rows, "\"bmi\n\",bp,s5,progression\n1,2,3,4\n",
		header + "1,2,3\n", header + "NaN,0x1p4,1e400,1_0\n", header + "\"1\"\",2\n", header + rows + "\r\n\r", "\xff\xfe\x00",
		string(samples.Diabetes[:1000]),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := training.ReadCSV(bytes.NewReader(text))
		if err != nil {
			require.Regexp(t, `^(line \d+[:,] |lines \d+ to \d+: |column \w+: every row has |the file (is empty|has \d+ rows))`, err.Error())
			return
		}
		require.GreaterOrEqual(t, d.Rows(), 5)
		require.LessOrEqual(t, d.Rows(), bytes.Count(text, []byte("\n")))
	})
}
