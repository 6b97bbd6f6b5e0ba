package framework_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/params"
)

// Line is the params of a small model: a straight line.
type Line struct {
	Slope     float64 `json:"slope" doc:"the change of y for each x"`
	Intercept float64 `json:"intercept" doc:"y at x = 0"`
}

// Predict returns y at x.
func (l Line) Predict(_ context.Context, x float64) (float64, error) {
	return l.Slope*x + l.Intercept, nil
}

// model is all that an author writes.
var model = framework.Model[Line, float64, float64]{
	Name:        "line",
	Description: "A straight line.",
	Signature: framework.Signature{
		Inputs:  []framework.Value{{Name: "x"}},
		Outputs: []framework.Value{{Name: "y"}},
	},
	Build: func(_ context.Context, l Line, _ *framework.Deps) (framework.Predictor[float64, float64], error) {
		return l, nil
	},
}

// A program is one line: func main() { framework.Main(model) }. Here the same
// function runs in a server of a test.
func Example() {
	folder, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(folder)
	doc, err := params.New("line", nil, []byte(`{"slope":2,"intercept":1}`))
	check(err)
	bundle := params.Bundle{Documents: []params.Document{doc}}
	text, err := bundle.Encode()
	check(err)
	check(os.WriteFile(filepath.Join(folder, "line.json"), text, 0o600))

	replica, err := framework.NewReplica(model, framework.Settings{ParamsPath: folder}, io.Discard)
	check(err)
	ctx, end := context.WithCancel(context.Background())
	check(replica.Load(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		replica.Run(ctx) // from here on it follows the file
	}()
	server := httptest.NewServer(replica.Handler(true))

	resp, err := http.Post(server.URL+"/predict", "application/json", strings.NewReader(`{"input":20.5}`))
	check(err)
	answer, err := io.ReadAll(resp.Body)
	check(err)
	fmt.Println(resp.Header.Get("Modelfn-Model"), resp.Header.Get("Modelfn-Params-Version"), string(answer))

	check(resp.Body.Close())
	server.Close()
	end()
	<-ended
	// Output: line 0 {"output":42}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// The description is what training, deploying and a page need to know.
func ExampleModel_Describe() {
	d, err := model.Describe()
	check(err)
	fmt.Println(d.Model, d.Signature.Inputs[0].Datatype)
	fmt.Println(string(d.Schema))
	// Output:
	// line FP64
	// {"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"slope":{"type":"number","description":"the change of y for each x"},"intercept":{"type":"number","description":"y at x = 0"}},"required":["slope","intercept"],"additionalProperties":false}
}

// Settings come from the environment; everything that is wrong is said at once.
func ExampleSettingsFrom() {
	env := map[string]string{"PORT": "http", "DRAIN_DELAY": "3"}
	_, err := framework.SettingsFrom(func(name string) string { return env[name] })
	for _, line := range strings.Split(err.Error(), "; ") {
		fmt.Println(line)
	}
	// Output:
	// settings: PORT: "http" is not a number from 0 to 65535
	// DRAIN_DELAY: "3" is not a duration of at least 0s, such as 2s or 500ms
	// PARAMS_PATH: not set, nor is PARAMS_URL: one of them says where the params come from
}
