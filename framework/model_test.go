package framework_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/serve"
)

// load builds a function from a bundle, and returns why it cannot.
func load(t *testing.T, f framework.Function, b *params.Bundle, components ...framework.Function) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bundle.json")
	frameworktest.WriteBundle(t, path, b)
	var opts []framework.Option
	for _, c := range components {
		opts = append(opts, framework.Component(c))
	}
	r, err := framework.NewReplica(f, framework.Settings{ParamsPath: path}, io.Discard, opts...)
	require.NoError(t, err)
	return r.Load(t.Context())
}

// picky are params that check what tags cannot say.
type picky struct {
	Low  float64 `json:"low" min:"0"`
	High float64 `json:"high"`
	Mood string  `json:"mood" enum:"good,fail,refuse,panic,nothing,slow,cold,cold panic,cold and slow"`
}

func (p picky) Validate() error {
	var problems fault.Problems
	if p.Low > p.High {
		problems.Add("low", "above high")
		problems.Add("high", "below low")
	}
	return problems.Err()
}

// stubborn is a predictor that may not warm up.
type stubborn struct{ mood string }

func (*stubborn) Predict(_ context.Context, in float64) (float64, error) { return in, nil }

func (s *stubborn) Warm(ctx context.Context) error {
	switch s.mood {
	case "cold and slow":
		<-ctx.Done()
		return fmt.Errorf("warming: %w", ctx.Err())
	case "cold":
		return errors.New("it is cold")
	case "cold panic":
		panic("too cold")
	}
	return nil
}

func one(name string) []framework.Value { return []framework.Value{{Name: name}} }

func pickyModel() framework.Model[picky, float64, float64] {
	return framework.Model[picky, float64, float64]{
		Name: "picky", Signature: framework.Signature{Inputs: one("x"), Outputs: one("y")},
		Build: func(ctx context.Context, p picky, _ *framework.Deps) (framework.Predictor[float64, float64], error) {
			switch p.Mood {
			case "slow":
				<-ctx.Done()
				return nil, ctx.Err()
			case "fail":
				return nil, errors.New("no memory for it")
			case "refuse":
				return nil, fault.Field("mood", "not that one")
			case "panic":
				panic("bug")
			case "nothing":
				return nil, nil
			}
			return &stubborn{p.Mood}, nil
		},
	}
}

// TestParamsThatDoNotFit: whatever a model says against its params becomes a
// rejection that names the place; a bug in it does not end the program.
func TestParamsThatDoNotFit(t *testing.T) {
	for _, test := range []struct{ name, params, err string }{
		{"good ones", `{"low":1,"high":2,"mood":"good"}`, ""},
		{"against a tag", `{"low":-1,"high":2,"mood":"good"}`, "params.low: -1 is not at least 0"},
		{"a field missing", `{"low":1,"mood":"good"}`, "params.high: missing"},
		{"against Validate", `{"low":3,"high":2,"mood":"good"}`, "params.low: above high; params.high: below low"},
		{"Build says which field", `{"low":1,"high":2,"mood":"refuse"}`, "params.mood: not that one"},
		{"Build fails", `{"low":1,"high":2,"mood":"fail"}`, "params: building the model: no memory for it"},
		{"Build panics", `{"low":1,"high":2,"mood":"panic"}`, "panicked"},
		{"Build gives nothing", `{"low":1,"high":2,"mood":"nothing"}`, "params: building the model: no predictor came of it"},
		{"Warm fails", `{"low":1,"high":2,"mood":"cold"}`, "params: warming the model up: it is cold"},
		{"Warm panics", `{"low":1,"high":2,"mood":"cold panic"}`, "panicked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := load(t, pickyModel(), frameworktest.Bundle(frameworktest.Document(t, "picky", 1, test.params)))
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			f := fault.From(err)
			require.Equal(t, fault.Invalid, f.Kind, "%v", err)
			require.Contains(t, f.Public(), test.err)
		})
	}
}

// TestParamsThatTakeTooLong: that there was no time to build or warm a model says
// nothing about its params, which may fit in a quieter moment.
func TestParamsThatTakeTooLong(t *testing.T) {
	for _, mood := range []string{"slow", "cold and slow"} {
		t.Run(mood, func(t *testing.T) {
			bundle := frameworktest.Bundle(frameworktest.Document(t, "picky", 1, `{"low":1,"high":2,"mood":"good"}`))
			server := frameworktest.Start(t, frameworktest.Config{Function: pickyModel(), Bundle: bundle, Settings: framework.Settings{
				Settings: serve.Settings{RequestTimeout: 10 * time.Millisecond},
			}, Trusted: true})
			resp, err := http.Post(server.URL+"/evaluate", "application/json", strings.NewReader(`{"params":{"low":1,"high":2,"mood":"`+mood+`"},"inputs":[1]}`))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		})
	}
}

// TestComponents: a model gets the components that its params require, and no
// others.
func TestComponents(t *testing.T) {
	half := frameworktest.Document(t, "scale", 1, `{"factor":0.5}`)
	linear := func(requires ...params.Document) params.Document {
		return frameworktest.Document(t, "linear", 1, `{"weights":[1,1],"bias":0}`, requires...)
	}
	other := frameworktest.Scale
	otherTypes := framework.Model[frameworktest.Factor, float64, float64]{
		Name: "scale", Signature: framework.Signature{Inputs: one("x"), Outputs: one("y")},
		Build: func(context.Context, frameworktest.Factor, *framework.Deps) (framework.Predictor[float64, float64], error) {
			return &stubborn{}, nil
		},
	}
	bad := frameworktest.Document(t, "scale", 1, `{"factor":"half"}`)
	for _, test := range []struct {
		name       string
		bundle     *params.Bundle
		components []framework.Function
		err        string
	}{
		{"there", frameworktest.Bundle(linear(half), half), []framework.Function{other}, ""},
		{"not required", frameworktest.Bundle(linear()), []framework.Function{other}, "the params do not require scale"},
		{"no code", frameworktest.Bundle(linear(half), half), nil, "component scale: the program has neither its code nor its URL"},
		{"other types", frameworktest.Bundle(linear(half), half), []framework.Function{otherTypes}, "component scale has other types"},
		{"params that do not fit it", frameworktest.Bundle(linear(bad), bad), []framework.Function{other}, "params: component scale: params.factor: not a number"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := load(t, frameworktest.Linear, test.bundle, test.components...)
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, fault.Invalid, fault.From(err).Kind)
			require.Contains(t, fault.From(err).Public(), test.err)
		})
	}
}

// TestWrongProgram: what is wrong with a program is said before it serves.
func TestWrongProgram(t *testing.T) {
	good := pickyModel()
	with := func(change func(*framework.Model[picky, float64, float64])) framework.Function {
		m := pickyModel()
		change(&m)
		return m
	}
	type noTags struct{ Low float64 }
	for _, test := range []struct {
		name     string
		f        framework.Function
		opts     []framework.Option
		settings framework.Settings
		err      string
	}{
		{"a name", with(func(m *framework.Model[picky, float64, float64]) { m.Name = "Model_A" }), nil, framework.Settings{}, `model "Model_A": the name is not a DNS-1035 label`},
		{"no Build", with(func(m *framework.Model[picky, float64, float64]) { m.Build = nil }), nil, framework.Settings{}, "model picky: Build is nil"},
		{"no signature", with(func(m *framework.Model[picky, float64, float64]) { m.Signature.Inputs = nil }), nil, framework.Settings{}, "model picky: signature: inputs: empty"},
		{"params without tags", framework.Model[noTags, float64, float64]{
			Name: "m", Signature: good.Signature,
			Build: func(context.Context, noTags, *framework.Deps) (framework.Predictor[float64, float64], error) {
				return nil, nil
			},
		}, nil, framework.Settings{}, "model m: params: "},
		{"an input that has no JSON form", framework.Model[picky, chan int, float64]{
			Name: "m", Signature: good.Signature,
			Build: func(context.Context, picky, *framework.Deps) (framework.Predictor[chan int, float64], error) {
				return nil, nil
			},
		}, nil, framework.Settings{}, "model m: input: "},
		{"a component twice", good, []framework.Option{framework.Component(frameworktest.Scale), framework.Component(frameworktest.Scale)}, framework.Settings{}, "component scale is there twice"},
		{"a component's URL", good, []framework.Option{framework.Component(frameworktest.Scale)}, framework.Settings{Components: map[string]string{"scale": "scale:80"}}, "component scale: "},
		{"a registry's URL", good, nil, framework.Settings{ParamsURL: "registry"}, "registry"},
		{"no tokens", good, nil, framework.Settings{Tokens: "alice"}, "tokens: line 1: "},
		{"no file of tokens", good, nil, framework.Settings{Settings: serve.Settings{TokensPath: "/does/not/exist"}}, "/does/not/exist"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := framework.NewReplica(test.f, test.settings, io.Discard, test.opts...)
			require.ErrorContains(t, err, test.err)
		})
	}
}
