package local_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/local"
	"github.com/modelfn/modelfn/knative/registry"
)

// The first start publishes the bundles as one step, a later one does not touch what
// is there, and a model that is new then pins the component that is there.
func TestFirstStartPublishes(t *testing.T) {
	t.Parallel()
	cfg := withRegistry(t, 1, "model-a")
	r := start(t, cfg)
	all, err := r.client(t).List(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, all["component-d"].Pin(), all["model-a"].Requires["component-d"])
	r.put(t, "model-a", modelParams(2), registry.Options{})
	require.NoError(t, r.end())
	r.Close()

	cfg.Functions = named("model-a", "model-b")
	r = start(t, cfg)
	again, err := r.client(t).List(t.Context())
	require.NoError(t, err)
	require.Len(t, again, 3)
	assert.EqualValues(t, 2, again["model-a"].Version)
	assert.EqualValues(t, 1, again["component-d"].Version, "what model-b requires is there")
	assert.Equal(t, all["component-d"].Pin(), again["model-b"].Requires["component-d"])
	r.serves(t, "model-a", 2)
	r.serves(t, "model-b", 1)
}

// A first start that was broken off in the middle is finished by the next one.
func TestFirstStartIsFinished(t *testing.T) {
	t.Parallel()
	cfg := withRegistry(t, 1, "model-a", "model-b")
	one := cfg
	one.Functions = named("model-b")
	r := start(t, one)
	require.NoError(t, r.end())
	r.Close()
	r = start(t, cfg)
	r.serves(t, "model-a", 1)
	r.serves(t, "model-b", 1)
	d, err := r.client(t).Current(t.Context(), "component-d")
	require.NoError(t, err)
	require.EqualValues(t, 1, d.Version)
}

func TestBundlesThatCannotBePublished(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(t *testing.T, cfg *local.Config)
		want   string
	}{
		"no bundle": {func(t *testing.T, cfg *local.Config) {
			require.NoError(t, os.Remove(filepath.Join(cfg.Folder, "bundles", "model-a.json")))
		}, "the registry does not know model-a, and there is no bundle to give it: "},
		"no JSON": {func(t *testing.T, cfg *local.Config) {
			require.NoError(t, os.WriteFile(filepath.Join(cfg.Folder, "bundles", "model-a.json"), []byte("{"), 0o600))
		}, "bundle .*/model-a.json: "},
		"no description": {func(t *testing.T, cfg *local.Config) {
			wrap(t, cfg.Programs, "component-d", "exit 3;")
		}, "asking .*/component-d for its schema: exit status 3"},
		"unfit params": {func(t *testing.T, cfg *local.Config) {
			require.NoError(t, os.WriteFile(filepath.Join(cfg.Folder, "bundles", "model-a.json"),
				[]byte(`{"documents":[{"model":"model-a","version":0,"params":{"bias":"x"}}]}`), 0o600))
		}, `publishing the bundles: the registry answers 400: model-a.params\.?`},
		"no token": {func(t *testing.T, cfg *local.Config) {
			cfg.Tokens = tokenFile(t)
		}, "the registry is empty, and takes params with a token only"},
		"a wrong token": {func(t *testing.T, cfg *local.Config) {
			cfg.Tokens, cfg.Token = tokenFile(t), "wrong"
		}, "publishing the bundles: the registry answers 401.*; the registry.s log is .*/logs/registry.log$"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := withRegistry(t, 1, "model-a")
			tt.change(t, &cfg)
			run, err := local.Open(cfg)
			require.NoError(t, err)
			defer run.Close()
			err = run.Serve(context.Background(), nil)
			require.Error(t, err)
			require.Regexp(t, tt.want, err.Error())
			require.Equal(t, []int{0, 0}, pids(run), "no program is left")
		})
	}
}

const secret = "a long and random token"

// tokenFile returns a file with the hash of the secret.
func tokenFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens")
	sum := sha256.Sum256([]byte(secret))
	require.NoError(t, os.WriteFile(path, []byte("alice sha256:"+hex.EncodeToString(sum[:])+"\n"), 0o600))
	return path
}

// With tokens others may reach the gateway: whoever writes or evaluates needs one,
// and the history tells who it was.
func TestTokens(t *testing.T) {
	t.Parallel()
	cfg := withRegistry(t, 1, "model-a")
	cfg.Listen, cfg.Tokens, cfg.Token = "0.0.0.0:0", tokenFile(t), secret
	r := start(t, cfg)
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, r.URL())
	change := registry.Change{Params: jsontext.Value(modelParams(2))}
	_, err := r.client(t).Put(t.Context(), "model-a", change, registry.Options{})
	require.ErrorContains(t, err, "the registry answers 401")
	c, err := registry.New(r.URL(), secret)
	require.NoError(t, err)
	d, err := c.Put(t.Context(), "model-a", change, registry.Options{})
	require.NoError(t, err)
	assert.Equal(t, "alice", d.Author)
	r.serves(t, "model-a", 2)

	status, _ := post(t, r.URL()+"/model-a/predict", `{"input":[32.1,101,4.8598]}`)
	assert.Equal(t, 200, status)
	evaluation := `{"params":` + modelParams(3) + `,"inputs":[[32.1,101,4.8598]]}`
	status, _ = post(t, r.URL()+"/model-a/evaluate", evaluation)
	assert.Equal(t, 401, status)
	q, err := http.NewRequest(http.MethodPost, r.URL()+"/model-a/evaluate", strings.NewReader(evaluation))
	require.NoError(t, err)
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(q)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, 200, resp.StatusCode)
}

// Without tokens no page of another site changes params, by whichever name it
// calls this machine.
func TestParamsAreNotOpenToPages(t *testing.T) {
	t.Parallel()
	r := start(t, withRegistry(t, 1, "model-a"))
	for name, header := range map[string][2]string{
		"a form on another site": {"Origin", "http://evil.example"},
		"a browser says so":      {"Sec-Fetch-Site", "cross-site"},
		"DNS rebinding":          {"Host", "evil.example"},
	} {
		for _, base := range []string{r.URL(), r.RegistryURL()} {
			q, err := http.NewRequest(http.MethodPut, base+"/params/model-a", strings.NewReader(`{"params":`+modelParams(2)+`}`))
			require.NoError(t, err)
			q.Header.Set("Content-Type", "application/json")
			if header[0] == "Host" {
				q.Host = header[1]
			} else {
				q.Header.Set(header[0], header[1])
			}
			resp, err := http.DefaultClient.Do(q)
			require.NoError(t, err)
			resp.Body.Close()
			assert.Equal(t, 403, resp.StatusCode, "%s at %s", name, base)
		}
	}
	r.serves(t, "model-a", 1)

	// Its own page, in a browser that says where it is.
	q, err := http.NewRequest(http.MethodPut, r.URL()+"/params/model-a", strings.NewReader(`{"params":`+modelParams(2)+`}`))
	require.NoError(t, err)
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Origin", r.URL())
	resp, err := http.DefaultClient.Do(q)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, 201, resp.StatusCode)
	r.serves(t, "model-a", 2)
}
