package quantile_test

import (
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/functions/quantile"
)

// TestHostileBodies: of 100,000 bodies, nearly right or far from it, each is answered
// or refused. A panic would be answered with status 500. The bodies are the same
// each time; the number in a failure's message makes that one again.
func TestHostileBodies(t *testing.T) {
	const count = 100_000
	h, _ := serve(t, quantile.Model("model-a"), trained(t)["model-a"], "")
	var (
		mu       sync.Mutex // guards statuses
		statuses = map[int]int{}
		working  sync.WaitGroup
		workers  = runtime.GOMAXPROCS(0)
	)
	for first := range workers {
		working.Go(func() {
			own := map[int]int{}
			for i := first; i < count; i += workers {
				path, body := hostile(uint64(i))
				status, answer := post(h, path, body)
				if own[status]++; status != http.StatusOK && status != http.StatusBadRequest {
					t.Errorf("body %d: %s %.300q: status %d: %s", i, path, body, status, answer)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for status, n := range own {
				statuses[status] += n
			}
		})
	}
	working.Wait()
	t.Log(statuses)
	require.Greater(t, statuses[http.StatusOK], count/20, "bodies that are answered")
	require.Greater(t, statuses[http.StatusBadRequest], count/2, "bodies that are refused")
}

// targets are the routes that predict, each with bodies that are right.
var targets = []struct {
	path   string
	bodies []string
}{
	{"/predict", []string{
		`{"input":[32.1,101,4.8598]}`,
		` { "input" : [ -0, 1e2 , 4.5E-1 ] } `,
		`{"inputs":[[32.1,101,4.8598],[21.6,87,3.8918],[30.5,93,4.6728]]}`,
		`{"inputs":[]}`,
		`{"\u0069nput":[9007199254740992,1e300,0.1]}`,
	}},
	{"/v1/models/model-a:predict", []string{
		`{"instances":[[32.1,101,4.8598],[21.6,87,3.8918]]}`,
		`{"inputs":[[18,62,3.2581]]}`,
		`{"instances":[]}`,
	}},
}

// hostile returns body number n and the path that it goes to: a right one after up
// to three changes.
func hostile(n uint64) (path, body string) {
	r := rand.New(rand.NewPCG(n, 42))
	target := targets[r.IntN(len(targets))]
	text := []byte(target.bodies[r.IntN(len(target.bodies))])
	for range r.IntN(4) {
		text = changes[r.IntN(len(changes))](r, text)
	}
	return target.path, string(text)
}

// changes are what is done to bodies.
var changes = []func(r *rand.Rand, text []byte) []byte{
	func(r *rand.Rand, text []byte) []byte { // a bit is another
		if len(text) > 0 {
			text[r.IntN(len(text))] ^= 1 << r.IntN(8)
		}
		return text
	},
	func(r *rand.Rand, text []byte) []byte { // the end is missing
		return text[:r.IntN(len(text)+1)]
	},
	func(r *rand.Rand, text []byte) []byte { // a part is missing
		from, to := part(r, text)
		return slices.Delete(text, from, to)
	},
	func(r *rand.Rand, text []byte) []byte { // a part is there twice
		from, to := part(r, text)
		return slices.Insert(text, to, slices.Clone(text[from:to])...)
	},
	func(r *rand.Rand, text []byte) []byte { // a member is there twice
		inner := strings.TrimSuffix(strings.TrimPrefix(string(text), "{"), "}")
		return []byte("{" + inner + "," + inner + "}")
	},
	func(r *rand.Rand, text []byte) []byte { // something else stands somewhere
		at := r.IntN(len(text) + 1)
		return slices.Insert(text, at, []byte(snippets[r.IntN(len(snippets))])...)
	},
	func(r *rand.Rand, text []byte) []byte { // something else stands where a number was
		from := r.IntN(len(text) + 1)
		for from < len(text) && (text[from] < '0' || text[from] > '9') {
			from++
		}
		to := from
		for to < len(text) && strings.IndexByte("0123456789.eE+-", text[to]) >= 0 {
			to++
		}
		return slices.Replace(text, from, to, []byte(snippets[r.IntN(len(snippets))])...)
	},
	func(r *rand.Rand, text []byte) []byte { // all of it stands deep inside
		if r.IntN(20) > 0 {
			return text
		}
		depth := 1 << r.IntN(15)
		open, end := "[", "]"
		if r.IntN(2) == 0 {
			open, end = `{"input":`, "}"
		}
		return []byte(strings.Repeat(open, depth) + string(text) + strings.Repeat(end, depth))
	},
}

// snippets are what is put into bodies.
var snippets = []string{
	"null", "true", `"1"`, `""`, "[]", "{}", "[1,2,3]", `{"input":1}`, ",", ":", "[", "]", "{", "}", `"`, `\`, "/**/", " ", "\n", "\x00",
	"0", "-0", "-0.0", "1e308", "-1.7976931348623157e308", "1e309", "1e-400", "5e-324", "1E+99999999999", "9007199254740993", "01", "+1", ".5", "1.", "0x10",
	"NaN", "Infinity", "-Infinity", "1_000", strings.Repeat("9", 400), "0." + strings.Repeat("0", 400) + "1",
	`"\ud800"`, `"\u0000"`, "\xff", "\xed\xa0\x80", "\u202e", "\ufeff", "é", "𝟙", "１",
	`"input":`, `"inputs":[[1,2,3]],`, `"instances":null,`, `"Input":[1,2,3],`, `"` + strings.Repeat("x", 5000) + `":1,`,
}

// part returns a part of a text.
func part(r *rand.Rand, text []byte) (from, to int) {
	from = r.IntN(len(text) + 1)
	return from, from + r.IntN(len(text)-from+1)
}
