package framework_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/framework/params"
)

// ask asks a function for a prediction.
func ask(url, body string) (string, error) {
	resp, err := http.Post(url+"/predict", "application/json", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, text)
	}
	return string(text), err
}

func post(t *testing.T, url, body string) string {
	t.Helper()
	text, err := ask(url, body)
	require.NoError(t, err)
	return text
}

// TestUseIsTheSameEverywhere: a component in the process and one behind a network
// give the same bits, for numbers of all sizes.
func TestUseIsTheSameEverywhere(t *testing.T) {
	scale := frameworktest.Document(t, "scale", 1, `{"factor":0.1}`)
	bundle := frameworktest.Bundle(frameworktest.Document(t, "linear", 1, `{"weights":[0.3,-0.7],"bias":1e-3}`, scale), scale)
	component := frameworktest.Start(t, frameworktest.Config{Function: frameworktest.Scale, Bundle: frameworktest.Bundle(scale)})
	components := []framework.Function{frameworktest.Scale}
	local := frameworktest.Start(t, frameworktest.Config{Function: frameworktest.Linear, Components: components, Bundle: bundle})
	remote := frameworktest.Start(t, frameworktest.Config{
		Function: frameworktest.Linear, Components: components, Bundle: bundle,
		Settings: framework.Settings{Components: map[string]string{"scale": component.URL}},
	})
	r := rand.New(rand.NewPCG(1, 2))
	number := func() string {
		x := r.NormFloat64()
		for range r.IntN(200) { // up to 1e±100, the integers beyond 2^53 among them
			x *= []float64{0.1, 10}[r.IntN(2)]
		}
		text := strconv.FormatFloat(x*float64(int64(1)<<r.IntN(60)), 'e', -1, 64)
		return text
	}
	var inputs []string
	for range 2000 {
		inputs = append(inputs, "["+number()+","+number()+"]")
	}
	many := `{"inputs":[` + strings.Join(inputs, ",") + `]}`
	require.Equal(t, post(t, local.URL, many), post(t, remote.URL, many))
	for _, input := range inputs[:100] {
		one := `{"input":` + input + `}`
		require.Equal(t, post(t, local.URL, one), post(t, remote.URL, one))
	}
}

// TestUseOfManyInputs: a batch that a component behind a network would not take in one
// piece, as its numbers are longer there than they came, is answered as in the process.
func TestUseOfManyInputs(t *testing.T) {
	scale := frameworktest.Document(t, "scale", 1, `{"factor":0.1}`)
	bundle := frameworktest.Bundle(frameworktest.Document(t, "whole", 1, `{}`, scale), scale)
	part := frameworktest.Scale
	part.Build = func(_ context.Context, f frameworktest.Factor, _ *framework.Deps) (framework.Predictor[[]float64, []float64], error) {
		return proud(f.Factor), nil
	}
	whole := framework.Model[struct{}, []float64, []float64]{
		Name: "whole", Signature: part.Signature,
		Build: func(_ context.Context, _ struct{}, deps *framework.Deps) (framework.Predictor[[]float64, []float64], error) {
			return framework.Use[[]float64, []float64](deps, "scale")
		},
	}
	var requests atomic.Int64
	component := frameworktest.Start(t, frameworktest.Config{
		Function: part, Bundle: frameworktest.Bundle(scale),
		Serve: func(t testing.TB, h http.Handler) string {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/predict" {
					requests.Add(1)
				}
				h.ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			return server.URL
		},
	})
	start := func(components map[string]string) string {
		return frameworktest.Start(t, frameworktest.Config{
			Function: whole, Components: []framework.Function{part}, Bundle: bundle, Settings: framework.Settings{Components: components},
		}).URL
	}
	local, remote := start(nil), start(map[string]string{"scale": component.URL})
	inputs := make([]string, 40_000)
	for i := range inputs {
		inputs[i] = fmt.Sprintf("[%de9,1e15]", i+1)
	}
	body := func() string { return `{"inputs":[` + strings.Join(inputs, ",") + `]}` }
	require.Equal(t, post(t, local, body()), post(t, remote, body()))
	require.Greater(t, requests.Load(), int64(2))

	inputs[30_001] = "[-1,1e15]"
	for _, url := range []string{local, remote} {
		_, err := ask(url, body())
		require.ErrorContains(t, err, "inputs[30001][0]: ")
		require.ErrorContains(t, err, "not below zero")
	}
}

// proud multiplies two numbers, and refuses them below zero.
type proud float64

func (p proud) Predict(_ context.Context, in []float64) ([]float64, error) {
	if in[0] < 0 {
		return nil, fault.Field("[0]", "not below zero")
	}
	return []float64{float64(p) * in[0], float64(p) * in[1]}, nil
}

// register counts what was built and closed, in order.
type register struct {
	mu     sync.Mutex // guards events
	events []string
}

func (r *register) add(event string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, event)
}

func (r *register) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.events...)
}

// named are params that give a predictor its name.
type named struct {
	Name string `json:"name"`
}

// closing is a predictor that says when it is closed, and can be held up.
type closing struct {
	name    string
	closed  *register
	entered chan struct{}
	goOn    chan struct{}
}

func (c *closing) Predict(_ context.Context, in string) (string, error) {
	if in == "wait" {
		c.entered <- struct{}{}
		<-c.goOn
	}
	return c.name, nil
}

func (c *closing) Close() error {
	c.closed.add(c.name)
	if c.name == "second" || c.name == "part of failing" {
		panic("so is this")
	}
	return errors.New("closing is an error, for the log alone")
}

// TestClose: a predictor is closed once, after its last request, and after the
// model that uses it. One that panics then harms nobody.
func TestClose(t *testing.T) {
	closed, entered, goOn := &register{}, make(chan struct{}), make(chan struct{})
	signature := framework.Signature{
		Inputs:  []framework.Value{{Name: "in", Datatype: "BYTES"}},
		Outputs: []framework.Value{{Name: "out", Datatype: "BYTES"}},
	}
	part := framework.Model[named, string, string]{
		Name: "part", Signature: signature,
		Build: func(_ context.Context, p named, _ *framework.Deps) (framework.Predictor[string, string], error) {
			return &closing{name: p.Name, closed: closed}, nil
		},
	}
	whole := framework.Model[named, string, string]{
		Name: "whole", Signature: signature,
		Build: func(_ context.Context, p named, deps *framework.Deps) (framework.Predictor[string, string], error) {
			for range 2 { // built once, however often it is used
				if _, err := framework.Use[string, string](deps, "part"); err != nil {
					return nil, err
				}
			}
			switch p.Name {
			case "failing":
				return nil, errors.New("no")
			case "panicking":
				panic("no")
			}
			return &closing{p.Name, closed, entered, goOn}, nil
		},
	}
	bundle := func(version int64, name string) *params.Bundle {
		d := frameworktest.Document(t, "part", version, `{"name":"part of `+name+`"}`)
		return frameworktest.Bundle(frameworktest.Document(t, "whole", version, `{"name":"`+name+`"}`, d), d)
	}
	t.Run("a set", func(t *testing.T) {
		server := frameworktest.Start(t, frameworktest.Config{Function: whole, Components: []framework.Function{part}, Bundle: bundle(1, "first")})
		answer := make(chan string, 1)
		go func() {
			text, err := ask(server.URL, `{"input":"wait"}`)
			answer <- fmt.Sprint(text, err)
		}()
		<-entered
		server.Put(t, bundle(2, "second"))
		require.JSONEq(t, `{"output":"second"}`, post(t, server.URL, `{"input":""}`))
		require.Empty(t, closed.all(), "its last request is not answered yet")
		goOn <- struct{}{}
		require.Contains(t, <-answer, `"first"`)
		server.Put(t, bundle(3, "third"))
	})
	// The server has ended with the subtest.
	require.ElementsMatch(t, []string{"first", "part of first", "second", "part of second", "third", "part of third"}, closed.all())
	for i, name := range closed.all() {
		if model, isPart := strings.CutPrefix(name, "part of "); isPart {
			require.Contains(t, closed.all()[:i], model, "a part is closed after the model")
		}
	}
	for i, name := range []string{"failing", "panicking"} {
		t.Run("a set that is never used: "+name, func(t *testing.T) {
			before := len(closed.all())
			require.Error(t, load(t, whole, bundle(int64(4+i), name), part))
			require.Equal(t, []string{"part of " + name}, closed.all()[before:])
		})
	}
}
