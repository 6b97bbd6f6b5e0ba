//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	documents "github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/registry"
)

// New params reach every replica under load: no request fails, none is answered by a
// mixture, and in the end all have them.
func TestParamsReachAllReplicasUnderLoad(t *testing.T) {
	changing(t)
	revision := deploy(t, "model-a", "scale: {min: 3, max: 3}")
	eventually(t, "three replicas", func() bool { return len(serving(t, revision)) >= 3 })
	l := startLoad(t, host("model-a"), 4)
	for bias := range 5 {
		d := change(t, 80+bias)
		eventually(t, "the new params at three replicas", func() bool {
			have := serving(t, revision) // more than three while some end, which have them too
			return len(have) >= 3 && !slices.ContainsFunc(have, func(r registry.Replica) bool { return r.Version != d.Version })
		})
		// Each has them, so no answer from here on has others.
		for range 50 {
			require.Equal(t, strconv.FormatInt(d.Version, 10), asked(t, host("model-a"), patient).version)
		}
	}
	l.stop(t)
	l.allOK(t)
	l.unmixed(t)
}

// The event goes from the registry through the Broker and the Trigger to a function
// at zero, which it wakes.
func TestAnEventReachesAFunctionAtZero(t *testing.T) {
	changing(t)
	revision := deploy(t, "model-a", soon)
	atZero(t, revision)
	d := change(t, 90)
	eventually(t, "a replica that the event wakes", func() bool { return len(pods(t, "revision", revision)) > 0 })
	eventually(t, "the event at the function", func() bool {
		return strings.Contains(logs(t, revision), `"route":"events","status":202`)
	})
	require.Equal(t, strconv.FormatInt(d.Version, 10), asked(t, host("model-a"), patient).version)
}

// An event that never comes delays nothing: replicas watch the registry themselves.
func TestParamsArriveWithoutEvents(t *testing.T) {
	changing(t)
	revision := deploy(t, "model-a", "scale: {min: 1}")
	for _, test := range []struct {
		name  string
		cut   func(t *testing.T)
		delta int
	}{
		{"the Broker is away", brokerAway, 91},
		{"the event is dropped", func(t *testing.T) { kubectl(t, "delete", "trigger", "model-a-params") }, 92},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.cut(t)
			d := change(t, test.delta)
			eventually(t, "the new params", func() bool {
				have := serving(t, revision)
				return len(have) > 0 && !slices.ContainsFunc(have, func(r registry.Replica) bool { return r.Version != d.Version })
			})
			require.Equal(t, strconv.FormatInt(d.Version, 10), asked(t, host("model-a"), patient).version)
		})
	}
}

// A held version is run by the revision that is pinned to it, and by no other, until
// it is promoted.
func TestHeldVersion(t *testing.T) {
	changing(t)
	before, err := registryClient(t).Current(t.Context(), "model-a")
	require.NoError(t, err)
	held := write(t, 95, registry.Options{Hold: true})

	stable := deploy(t, "model-a", "scale: {min: 1}")
	candidate := canary(t, "model-a", "scale: {min: 1}", fmt.Sprintf("params: {version: %d}", held.Version))
	for range 50 {
		require.Equal(t, held.Digest, asked(t, host("candidate-model-a"), patient).digest)
		a := asked(t, host("model-a"), patient)
		require.Equal(t, map[string]string{stable: before.Digest, candidate: held.Digest}[a.revision], a.digest)
	}

	_, err = registryClient(t).Promote(t.Context(), "model-a", held.Version, "it is good", registry.Options{})
	require.NoError(t, err)
	eventually(t, "the promoted params at the stable revision", func() bool {
		have := serving(t, stable)
		return len(have) > 0 && !slices.ContainsFunc(have, func(r registry.Replica) bool { return r.Digest != held.Digest })
	})
	for range 50 {
		require.Equal(t, held.Digest, asked(t, host("model-a"), patient).digest)
	}
}

// changing begins a test that writes params with those that were trained, and ends it
// with them.
func changing(t *testing.T) {
	t.Helper()
	trained(t)
	t.Cleanup(func() {
		run(t, "", "bin/modelfn", "train", "--publish", "--out", t.TempDir(), "--url", registryURL)
	})
}

// change writes params of model-a with another bias, and makes them current.
func change(t *testing.T, bias int) documents.Document {
	t.Helper()
	return write(t, bias, registry.Options{})
}

// write is change with options. It goes the way of people, through the gateway.
func write(t *testing.T, bias int, o registry.Options) documents.Document {
	t.Helper()
	gateway, err := registry.New(host("console"), token)
	require.NoError(t, err)
	d, err := gateway.Put(t.Context(), "model-a", registry.Change{Params: biased(t, bias), Message: t.Name()}, o)
	require.NoError(t, err)
	return d
}

// biased returns the params of model-a as they were trained, but for the bias.
func biased(t *testing.T, bias int) jsontext.Value {
	t.Helper()
	var params map[string]jsontext.Value
	require.NoError(t, json.Unmarshal([]byte(bundled(t, "model-a")), &params))
	params["bias"] = jsontext.Value(strconv.Itoa(bias))
	text, err := json.Marshal(params)
	require.NoError(t, err)
	return text
}

// serving returns the replicas of a revision of model-a that serve, as the registry
// sees them.
func serving(t *testing.T, revision string) []registry.Replica {
	t.Helper()
	all, err := registryClient(t).Replicas(t.Context(), "model-a")
	require.NoError(t, err)
	return slices.DeleteFunc(all, func(r registry.Replica) bool { return r.Revision != revision || r.State != "serving" })
}

// logs returns what the replicas of a revision wrote that run.
func logs(t *testing.T, revision string) (all string) {
	t.Helper()
	for _, pod := range pods(t, "revision", revision) {
		all += kubectl(t, "logs", pod, "--container", "user-container")
	}
	return all
}

// brokerAway stops the Broker's ingress until the test ends: it answers nobody.
func brokerAway(t *testing.T) {
	url := field(t, "broker/default", "{.status.address.url}")
	answers := func() bool {
		quick := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := quick.Get(url)
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil
	}
	scale := func(replicas string, want bool) {
		run(t, "", "kubectl", "--namespace", "knative-eventing", "scale", "deployment/mt-broker-ingress", "--replicas", replicas)
		eventually(t, replicas+" replicas of the Broker", func() bool { return answers() == want })
	}
	require.True(t, answers(), url)
	t.Cleanup(func() { scale("1", true) })
	scale("0", false)
}
