package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
)

// TestETag: who has the current document is not sent it again.
func TestETag(t *testing.T) {
	r := newRig(t).known()
	r.do("PUT", "/params/model-a", bias("5")).is(http.StatusCreated)
	for _, path := range []string{"/params/model-a", "/params/model-a/versions/2", "/params/model-a/versions/1"} {
		a := r.get(path).is(http.StatusOK)
		d := a.doc()
		require.Equal(t, fmt.Sprintf(`"%d-%s"`, d.Version, strings.TrimPrefix(d.Digest, "sha256:")[:12]), a.etag())
		for _, same := range []string{a.etag(), "W/" + a.etag(), `"x", ` + a.etag(), "*"} {
			not := r.get(path, "If-None-Match", same).is(http.StatusNotModified)
			require.Equal(t, a.etag(), not.etag())
			require.Empty(t, not.body)
		}
		for _, other := range []string{`"9-000000000000"`, strings.Trim(a.etag(), `"`), "nonsense", `""`} {
			require.Equal(t, a.body, r.get(path, "If-None-Match", other).is(http.StatusOK).body)
		}
	}
	require.Contains(t, r.get("/params/model-a/versions/1").header.Get("Cache-Control"), "immutable")
	require.Empty(t, r.get("/params/model-a").header.Get("Cache-Control"))

	head := r.do("HEAD", "/params/model-a", "").is(http.StatusOK)
	require.Equal(t, r.get("/params/model-a").etag(), head.etag())
	require.Empty(t, head.body)
}

func TestNotFound(t *testing.T) {
	r := newRig(t).known()
	for path, message := range map[string]string{
		"/params/model-z":                               `there is no model "model-z"`,
		"/params/model-z/versions":                      `there is no model "model-z"`,
		"/params/model-z/replicas":                      `there is no model "model-z"`,
		"/params/model-z/versions/1":                    `model-z has no version 1`,
		"/params/Model_Z":                               `there is no model "Model_Z"`,
		"/params/..%2fmodel-a":                          `there is no /params/../model-a`,
		"/params/%ff":                                   `there is no model "\xff"`,
		"/params/Model_Z/versions/1":                    `there is no model "Model_Z"`,
		"/params/model-a/versions/2":                    `model-a has no version 2`,
		"/params/model-a/versions/0":                    `model-a has no such version`,
		"/params/model-a/versions/-1":                   `model-a has no such version`,
		"/params/model-a/versions/x":                    `model-a has no such version`,
		"/params/model-a/versions/99999999999999999999": `model-a has no such version`,
		"/params/":                                      `there is no model ""`,
		"/":                                             `there is no /`,
		"/params/a/b/c":                                 `there is no /params/a/b/c`,
		"/events":                                       `there is no /events`,
		"/params2":                                      `there is no /params2`,
		"/debug/pprof/":                                 `there is no /debug/pprof/`,
	} {
		req, err := http.NewRequest(http.MethodGet, r.url+path, nil)
		require.NoError(t, err)
		resp, err := calls.Do(req)
		require.NoError(t, err)
		var f struct{ Error string }
		require.NoError(t, json.UnmarshalRead(resp.Body, &f, json.MatchCaseInsensitiveNames(true)))
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusNotFound, resp.StatusCode, path)
		require.Equal(t, message, f.Error, path)
	}
}

// TestHistory: the versions, newest first, by pages.
func TestHistory(t *testing.T) {
	r := newRig(t).known()
	for range 44 {
		r.do("PUT", "/params/model-a", bias("1")).is(http.StatusCreated)
	}
	type page struct {
		Versions []params.Document
		Next     int64
	}
	read := func(query string) (p page) {
		a := r.get("/params/model-a/versions" + query).is(http.StatusOK)
		require.NoError(t, json.Unmarshal([]byte(a.body), &p, json.MatchCaseInsensitiveNames(true)))
		return p
	}
	var seen []int64
	for p := read(""); ; p = read(fmt.Sprintf("?before=%d", p.Next)) {
		for _, d := range p.Versions {
			seen = append(seen, d.Version)
		}
		if p.Next == 0 {
			break
		}
		require.Len(t, p.Versions, defaultPage)
	}
	require.Len(t, seen, 45)
	for i, v := range seen {
		require.EqualValues(t, 45-i, v)
	}
	p := read("?before=3&limit=1")
	require.EqualValues(t, 2, p.Versions[0].Version)
	require.EqualValues(t, 2, p.Next)
	p = read("?before=2&limit=1")
	require.EqualValues(t, 1, p.Versions[0].Version)
	require.Zero(t, p.Next)
	require.NotContains(t, r.get("/params/model-a/versions?before=2").body, "next")
	require.Equal(t, `{"versions":[]}`, r.get("/params/model-a/versions?before=1").body)
	require.Len(t, read("?before=9007199254740992&limit=100").Versions, 45)

	for query, message := range map[string]string{
		"limit=0": "limit: not a number from 1 to 100", "limit=101": "limit: not a number from 1 to 100", "limit=x": "limit: not a number from 1 to 100",
		"before=-1": "before: not a number from 0 to 9007199254740992", "before=1e3": "before: not a number from 0 to 9007199254740992",
	} {
		r.get("/params/model-a/versions?"+query).refused(400, message)
	}
}

func TestHealth(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/health/live", "/health/liveness", "/livez", "/healthz"} {
		require.Equal(t, `{"live":true}`, r.get(path).is(http.StatusOK).body)
	}
	ready := []string{"/health/ready", "/health/readiness", "/readyz"}
	for _, path := range ready {
		require.Equal(t, `{"ready":true}`, r.get(path).is(http.StatusOK).body)
	}
	r.handler.Drain()
	for _, path := range ready {
		require.Equal(t, `{"ready":false,"reason":"draining"}`, r.get(path).is(http.StatusServiceUnavailable).body)
	}
	r.get("/livez").is(http.StatusOK)
}

// TestReplicas: who watches is listed, with what it tells.
func TestReplicas(t *testing.T) {
	r := newRig(t).known()
	require.Equal(t, `{"replicas":[]}`, r.get("/params/model-a/replicas").is(http.StatusOK).body)
	digest := r.get("/params/model-a").doc().Digest
	tell := func(who params.Replica) heard { return r.get("/params/model-a", params.ReplicaHeader, who.String()) }
	tell(params.Replica{Name: "b", Revision: "model-a-00002", Version: 1, Digest: digest, State: params.Serving}).is(http.StatusOK)
	tell(params.Replica{Name: "a;=é", Revision: "model-a-00001", State: params.Rejected, Error: "params.bias: " + strings.Repeat("é", 1000)}).is(http.StatusOK)

	list := func() []Replica {
		var all struct {
			Replicas []Replica `json:"replicas"`
		}
		require.NoError(t, json.Unmarshal([]byte(r.get("/params/model-a/replicas").is(http.StatusOK).body), &all, json.RejectUnknownMembers(true)))
		return all.Replicas
	}
	all := list()
	require.Len(t, all, 2)
	require.Equal(t, "a;=é", all[0].Name)
	require.Less(t, len(all[0].Error), 1001)
	since := all[1].Since
	require.Equal(t, Replica{"b", "model-a-00002", 1, digest, params.Serving, since, ""}, all[1])

	tell(params.Replica{Name: "b", Revision: "model-a-00002", Version: 1, Digest: digest, State: params.Serving})
	require.Equal(t, since, list()[1].Since, "nothing has changed")
	tell(params.Replica{Name: "b", Revision: "model-a-00002", Version: 1, Digest: digest, State: params.Stale, Error: "away"})
	require.True(t, list()[1].Since.After(since))

	for name, value := range map[string]string{
		"no name": "state=serving", "no state": "name=a", "another state": "name=a;state=fine", "no version": "name=a;version=x;state=serving",
		"a negative one": "name=a;version=-1;state=serving", "no digest": "name=a;digest=sha256:x;state=serving", "no text": "name=%FF;state=serving",
		"an escape": "name=%;state=serving", "a long name": "name=" + strings.Repeat("a", 254) + ";state=serving",
	} {
		require.Equal(t, 400, r.get("/params/model-a", params.ReplicaHeader, value).status, name)
	}
	require.Len(t, list(), 2)
}

// TestReplicasExpire: 45 s after its last watch a replica is gone; and there are
// never more than fit.
func TestReplicasExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r replicas
		serving := func(name string) params.Replica { return params.Replica{Name: name, State: params.Serving} }
		r.saw("model-a", serving("old"))
		time.Sleep(30 * time.Second)
		r.saw("model-a", serving("new"))
		require.Len(t, r.list("model-a"), 2)
		time.Sleep(15*time.Second + 1)
		require.Len(t, r.list("model-a"), 1)
		r.saw("model-a", serving("old"))
		require.Equal(t, time.Now().UTC(), r.list("model-a")[1].Since, "it is a new one")

		time.Sleep(replicaExpiry + 1)
		r.saw("model-a", serving("newest"))
		require.Len(t, r.byModel["model-a"], 1, "the others are dropped, though nobody asks for them")
		for i := range maxReplicas + 100 {
			r.saw("model-a", serving(fmt.Sprint(i)))
		}
		require.Len(t, r.list("model-a"), maxReplicas)
		time.Sleep(replicaExpiry + 1)
		r.saw("model-a", serving("next"))
		require.Len(t, r.list("model-a"), 1)
	})
}
