package local_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
)

// inputs are what the load asks for.
var inputs = [][]float64{{32.1, 101, 4.8598}, {21.6, 87, 3.8918}, {30.5, 93, 4.6728}, {25.3, 84, 4.8903}}

// answer is what one prediction says that it is: of which params, for which input.
type answer struct {
	version, digest, components string
	input                       int
}

// load is clients that ask a model through the gateway, all at once, until they are
// ended. None of their requests may fail, and every output has to be exactly that
// of the params that the answer names.
type load struct {
	t       testing.TB
	r       *running
	model   string
	stop    context.CancelFunc
	running sync.WaitGroup

	answered atomic.Int64
	mu       sync.Mutex         // guards what follows
	outputs  map[answer]float64 // the first of each
	err      error              // the first
}

func startLoad(t testing.TB, r *running, model string, connections int) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{t: t, r: r, model: model, stop: cancel, outputs: map[answer]float64{}}
	t.Cleanup(cancel)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	t.Cleanup(client.CloseIdleConnections)
	for i := range connections {
		l.running.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				if err := l.ask(ctx, client, n%len(inputs)); err != nil && ctx.Err() == nil {
					l.failed(err)
					return
				}
			}
		})
	}
	return l
}

// ask asks once and notes the answer.
func (l *load) ask(ctx context.Context, client *http.Client, input int) error {
	in := inputs[input]
	body := fmt.Sprintf(`{"input":[%v,%v,%v]}`, in[0], in[1], in[2])
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, l.r.URL()+"/"+l.model+"/predict", strings.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var out struct {
		Output *float64 `json:"output"`
	}
	if err := json.Unmarshal(text, &out); err != nil || resp.StatusCode != http.StatusOK || out.Output == nil {
		return fmt.Errorf("answer %s: %s", resp.Status, text)
	}
	h := resp.Header
	key := answer{h.Get("Modelfn-Params-Version"), h.Get("Modelfn-Params-Digest"), h.Get("Modelfn-Components"), input}
	l.answered.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if first, ok := l.outputs[key]; ok && first != *out.Output {
		return fmt.Errorf("%+v: first %v, then %v", key, first, *out.Output)
	}
	l.outputs[key] = *out.Output
	return nil
}

func (l *load) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

// more waits for n more answers.
func (l *load) more(n int64) {
	l.t.Helper()
	until := l.answered.Load() + n
	require.Eventually(l.t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.answered.Load() >= until || l.err != nil
	}, patience, poll)
	l.healthy()
}

func (l *load) healthy() {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	require.NoError(l.t, l.err, "after %d answers", l.answered.Load())
}

// end stops the clients and checks every answer against the documents of the
// registry. It returns the versions that answered.
func (l *load) end() map[string]bool {
	l.t.Helper()
	l.stop()
	l.running.Wait()
	l.healthy()
	versions := map[string]bool{}
	sets := map[string]params.Set{}
	for got, output := range l.outputs {
		versions[got.version] = true
		set, ok := sets[got.version]
		if !ok {
			set = l.set(got.version)
			sets[got.version] = set
		}
		require.Equal(l.t, set.Digest, got.digest, "version %s", got.version)
		require.Equal(l.t, componentsOf(&set), got.components, "version %s", got.version)
		want := predicted(l.t, &set, inputs[got.input])
		require.Equal(l.t, math.Float64bits(want), math.Float64bits(output), "version %s: %v instead of %v", got.version, output, want)
	}
	l.t.Logf("%d answers of %d versions", l.answered.Load(), len(versions))
	return versions
}

// set returns the documents of a version, from the registry.
func (l *load) set(version string) params.Set {
	l.t.Helper()
	n, err := strconv.ParseInt(version, 10, 64)
	require.NoError(l.t, err)
	c := l.r.client(l.t)
	d, err := c.Version(l.t.Context(), l.model, n)
	require.NoError(l.t, err)
	bundle, err := c.Set(l.t.Context(), d)
	require.NoError(l.t, err)
	set, err := bundle.Set(l.model)
	require.NoError(l.t, err)
	return set
}

func componentsOf(set *params.Set) string {
	var list []string
	for _, name := range set.RequiredNames() {
		list = append(list, fmt.Sprintf("%s=%d", name, set.Requires[name].Version))
	}
	return strings.Join(list, ", ")
}

// predicted computes the output of a set for an input.
func predicted(t testing.TB, set *params.Set, input []float64) float64 {
	t.Helper()
	var p quantile.Params
	require.NoError(t, json.Unmarshal(set.Params, &p))
	var d standardize.Params
	require.NoError(t, json.Unmarshal(set.Components["component-d"].Params, &d))
	out, err := quantile.New(p, standardize.New(d)).Predict(t.Context(), input)
	require.NoError(t, err)
	return out
}
