//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What changes something needs a token, wherever it is asked from and whichever way it goes.
func TestWritesNeedAToken(t *testing.T) {
	asked(t, host("model-a"), patient) // so that there is one
	type write struct {
		method, path, body string
		allowed            int // the status with a good token
	}
	writes := []write{ // each is wrong, and changes nothing with a good token either
		{http.MethodPut, "/params/model-a", `{"params":{}}`, http.StatusBadRequest},
		{http.MethodPatch, "/params/model-a", `{"params":{"bias":"none"}}`, http.StatusBadRequest},
		{http.MethodPost, "/params/model-a/rollback", `{}`, http.StatusBadRequest},
	}
	evaluate := []write{{http.MethodPost, "/evaluate", `{"params":{"weights":[1,1,1],"bias":0,"quantile":0.5},"inputs":[[1,2,3]]}`, http.StatusOK}}
	inside, store := podOf(t, "model-a"), podOf(t, "registry")
	for way, writes := range map[string][]write{
		host("console"):              writes,
		registryURL:                  writes,
		store.url(proxyPort):         writes,
		store.url("8080"):            writes,
		host("model-a"):              evaluate,
		host("console") + "/model-a": evaluate,
		inside.url(proxyPort):        evaluate,
		inside.url("8080"):           evaluate,
	} {
		for _, w := range writes {
			ask := func() *http.Request {
				req, err := http.NewRequestWithContext(t.Context(), w.method, way+w.path, strings.NewReader(w.body))
				require.NoError(t, err)
				return req
			}
			for _, bearer := range []string{"", "not-a-token"} {
				assert.Equal(t, http.StatusUnauthorized, status(t, ask(), bearer), "%s %s%s", w.method, way, w.path)
				assert.Equal(t, http.StatusUnauthorized, inside.status(t, ask(), w.body, bearer), "%s %s%s from a pod", w.method, way, w.path)
			}
			assert.Equal(t, w.allowed, inside.status(t, ask(), w.body, token), "%s %s%s with a good token", w.method, way, w.path)
		}
	}
}

// The gateway leads to no function's events, and to what changes or tries something only
// who has a token; and what it lets through is answered as it is without it.
func TestGatewayGuards(t *testing.T) {
	current, err := registryClient(t).Current(t.Context(), "model-a")
	require.NoError(t, err)
	requires, err := json.Marshal(current.Requires)
	require.NoError(t, err)
	evaluate := fmt.Sprintf(`{"params":%s,"requires":%s,"inputs":[[32.1,101,4.8598]]}`, current.Params, requires)
	event := `{"specversion":"1.0","id":"model-a/1","source":"/modelfn/modelfn/params","type":"dev.modelfn.params.changed.v1","subject":"model-a"}`
	request := func(method, path, body string, headers ...string) *http.Request {
		req, err := http.NewRequestWithContext(t.Context(), method, host("console")+path, strings.NewReader(body))
		require.NoError(t, err)
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		return req
	}
	for _, bearer := range []string{"", "not-a-token", token} {
		for _, path := range []string{"/events", "/model-a/events", "/v1/models/model-a/events", "/model-a//events", "/params/../events"} {
			assert.Equal(t, http.StatusNotFound, status(t, request(http.MethodPost, path, event), bearer), "%s as %q", path, bearer)
		}
	}
	for _, test := range []struct{ method, path, body string }{
		{http.MethodPost, "/model-a/evaluate", evaluate},
		{http.MethodPost, "/model_a/evaluate", evaluate},
		{http.MethodPut, "/params/model-a", `{"params":{}}`},
		{http.MethodPut, "/params", `{"model-a":{"params":{}}}`},
		{http.MethodPost, "/params/model-a/promote", `{"version":1}`},
		{http.MethodPost, "/api/models/model-a/traffic", `{"percents":{}}`},
	} {
		for _, bearer := range []string{"", "not-a-token"} {
			assert.Equal(t, http.StatusUnauthorized, status(t, request(test.method, test.path, test.body), bearer), "%s %s as %q", test.method, test.path, bearer)
		}
		foreign := request(test.method, test.path, test.body, "Origin", "http://elsewhere.example.com", "Sec-Fetch-Site", "cross-site")
		assert.Equal(t, http.StatusForbidden, status(t, foreign, token), "%s %s from another origin", test.method, test.path)
	}
	req := request(http.MethodPost, "/model-a/evaluate", evaluate, "Content-Type", "application/json", "Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	outputs, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(outputs))
	predicted := asked(t, host("model-a"), `{"inputs":[[32.1,101,4.8598]]}`)
	require.Equal(t, predicted.body, string(outputs))
}

// The registry is for the cluster alone: the ingress does not lead to it, by whatever
// name it is asked.
func TestRegistryIsNotPublic(t *testing.T) {
	for _, name := range []string{"registry.modelfn.example.com", "registry.modelfn.svc.cluster.local", "registry.modelfn"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host("registry")+"/params", nil)
		require.NoError(t, err)
		req.Host = name
		require.Equal(t, http.StatusNotFound, status(t, req, token), name)
	}
}

// A function for the cluster alone has no door but the gateway: neither an event nor
// anything else gets to it from outside, and the Broker reaches it as before.
func TestClusterLocalFunction(t *testing.T) {
	changing(t)
	public := func() bool {
		a, err := predict(t.Context(), host("model-a"), patient)
		return err == nil && a.status == http.StatusOK
	}
	send := func(url, name string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/events", nil)
		require.NoError(t, err)
		for name, value := range map[string]string{
			"K-Original-Host": "model-a.modelfn.svc.cluster.local", // which Knative's proxy believes
			"Ce-Specversion":  "1.0", "Ce-Id": "model-a/1", "Ce-Source": "/modelfn/modelfn/params",
			"Ce-Type": "dev.modelfn.params.changed.v1", "Ce-Subject": "model-a",
		} {
			req.Header.Set(name, value)
		}
		req.Host = name
		return status(t, req, token)
	}
	revision := deploy(t, "model-a", "visibility: cluster-local", "scale: {min: 1}")
	eventually(t, "a closed door", func() bool { return send(host("model-a"), "model-a.modelfn.example.com") == http.StatusNotFound })
	for _, name := range []string{"model-a.modelfn.svc.cluster.local", "model-a.modelfn.svc", "model-a.modelfn"} {
		require.Equal(t, http.StatusNotFound, send(host("model-a"), name), name)
	}
	require.Equal(t, http.StatusAccepted, send("http://model-a.modelfn.svc.cluster.local", ""))

	d := change(t, 97)
	eventually(t, "the event at the function", func() bool {
		return strings.Count(logs(t, revision), `"route":"events","status":202`) > 1
	})
	require.Equal(t, strconv.FormatInt(d.Version, 10), asked(t, host("console")+"/model-a", patient).version)

	deployed(t, "functions/model-a", "--promote")
	eventually(t, "an open door", public)
}

func status(t *testing.T, req *http.Request, bearer string) int {
	t.Helper()
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	return resp.StatusCode
}
