package server

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/registry/store/versitygw"
)

// The tests here hold that whatever many clients see of two registries on one store,
// one after the other crashing, can be explained by one order of their requests that
// fits the times of each: the registries are linearizable.

func TestLinearizableOnAFolder(t *testing.T) { linearizable(t, "file://"+t.TempDir()) }

func TestLinearizableOnABucket(t *testing.T) {
	if testing.Short() {
		t.Skip("builds an S3 server")
	}
	linearizable(t, versitygw.Start(t).NewBucket(t))
}

var models = []string{"model-a", "model-b"}

func linearizable(t *testing.T, storeURL string) {
	const clients, calls, crashes = 8, 60, 16
	registries := []*process{launch(t, storeURL), launch(t, storeURL)}
	h := &history{begun: map[string]string{}, progress: make(chan struct{}, clients*calls)}
	for _, r := range registries {
		r.serves()
	}
	for _, model := range models {
		r := registries[0].do("PUT", "/params/"+model, `{"params":0,"schema":{"type":"number"}}`)
		require.Equal(t, http.StatusCreated, r.status, r.body)
		h.begun[model] = r.header.Get("Etag")
	}
	var group sync.WaitGroup
	for id := range clients {
		group.Go(func() {
			c := historian{history: h, t: t, id: id, random: rand.New(rand.NewPCG(uint64(id), 7)), etags: map[string]string{}}
			for range calls {
				c.call(registries[c.random.IntN(2)])
				h.progress <- struct{}{}
			}
		})
	}
	for i := range crashes { // spread over what is done
		for range clients * calls / (crashes + 1) {
			<-h.progress
		}
		r := registries[i%2]
		r.kill()
		r.begin()
	}
	group.Wait()
	for _, r := range registries {
		r.serves()
	}
	h.check(t, registries)
}

// history is what clients did and saw.
type history struct {
	begun    map[string]string // the first entity tag of each model
	progress chan struct{}     // gets one for each call

	mu    sync.Mutex // guards what follows
	clock int64      // counts calls and returns
	done  []porcupine.Operation
	lost  []porcupine.Operation // writes of which their client does not know the outcome
}

// request is what a client asked for: a write if it has an id.
type request struct {
	model   string
	id      string // in the message
	ifMatch string // "" for none
	held    bool
}

// response is what it was answered: a document that was read or is current, the
// version that was written, or both.
type response struct {
	conflict bool
	version  int64
	etag     string
}

// registryState is all that requests see of one model.
type registryState struct {
	head int64
	etag string // of the current document
}

func (h *history) model() porcupine.Model {
	return porcupine.Model{
		Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
			parts := make([][]porcupine.Operation, len(models))
			for i, model := range models {
				for _, op := range all {
					if op.Input.(request).model == model {
						// The state starts from the model's first entity tag.
						parts[i] = append(parts[i], op)
					}
				}
			}
			return parts
		},
		Init: func() any { return registryState{head: 1} },
		Step: func(state, in, out any) (bool, any) {
			now, asked, heard := state.(registryState), in.(request), out.(response)
			if now.etag == "" {
				now.etag = h.begun[asked.model]
			}
			matches := asked.ifMatch == "" || asked.ifMatch == now.etag
			switch {
			case asked.id == "":
				return heard.etag == now.etag, now
			case heard.conflict:
				return !matches && heard.etag == now.etag, now
			case !matches || heard.version != now.head+1:
				return false, now
			case asked.held:
				return true, registryState{head: heard.version, etag: now.etag}
			}
			return true, registryState{head: heard.version, etag: heard.etag}
		},
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v: %+v", in, out) },
	}
}

// historian is a client that notes what it does.
type historian struct {
	*history
	t      testing.TB
	id     int
	count  int
	random *rand.Rand
	etags  map[string]string // that it saw last
}

// call reads a model, or writes it: any version, or on top of what it saw last.
func (c *historian) call(r *process) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	asked := request{model: models[c.random.IntN(len(models))]}
	method, query, body := "GET", "", ""
	var headers []string
	if kind := c.random.IntN(8); kind >= 3 {
		c.count++
		asked.id = fmt.Sprintf("client %d, write %d", c.id, c.count)
		method, body = "PUT", fmt.Sprintf(`{"params":%d,"message":"%s"}`, c.id*1000+c.count, asked.id)
		if asked.ifMatch = c.etags[asked.model]; kind < 6 || asked.ifMatch == "" {
			asked.ifMatch = ""
		} else {
			headers = []string{"If-Match", asked.ifMatch}
		}
		if asked.held = kind == 3 || kind == 6; asked.held {
			query = "?hold=true"
		}
	}
	called := c.now()
	answer, err := r.try(ctx, method, "/params/"+asked.model+query, body, headers...)
	out := response{etag: answer.header.Get("Etag")}
	switch {
	case err == nil && answer.status == http.StatusOK:
	case err == nil && answer.status == http.StatusCreated:
		out.version = answer.doc(c.t).Version
	case err == nil && answer.status == http.StatusPreconditionFailed:
		out.conflict = true
	default:
		if err == nil {
			assert.Equal(c.t, http.StatusServiceUnavailable, answer.status, answer.body)
		}
		c.note(&c.lost, asked, called, out)
		c.await(r)
		return
	}
	if !asked.held || out.conflict {
		c.etags[asked.model] = out.etag
	}
	c.note(&c.done, asked, called, out)
}

// await returns when a registry answers, again.
func (c *historian) await(r *process) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		if _, err := r.try(ctx, "GET", "/health/ready", ""); err == nil {
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			assert.NoError(c.t, ctx.Err(), "the registry does not come back")
			return
		}
	}
}

func (h *history) now() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	return h.clock
}

func (c *historian) note(list *[]porcupine.Operation, in request, called int64, out response) {
	returned := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	*list = append(*list, porcupine.Operation{ClientId: c.id, Input: in, Call: called, Output: out, Return: returned})
}

// check asserts that the history can be explained. The registries' own history tells
// which of the lost writes were made; they never returned, as far as anybody knows.
func (h *history) check(t *testing.T, registries []*process) {
	t.Helper()
	made := map[string]params.Document{}
	for _, model := range models {
		// A write over which a registry died may still be on its way to a bucket. It is
		// for a version that there is after this.
		c := &historian{history: h, t: t, id: 99, random: nil, etags: nil}
		called := h.now()
		r := registries[0].do("PUT", "/params/"+model, `{"params":1,"message":"the last"}`)
		require.Equal(t, http.StatusCreated, r.status, r.body)
		c.note(&h.done, request{model: model, id: "the last"}, called, response{version: r.doc(t).Version, etag: r.header.Get("Etag")})
		all := registries[1].history(model)
		for _, d := range all {
			require.NotContains(t, made, model+d.Message, "written twice")
			made[model+d.Message] = d
		}
	}
	unknown := 0
	for _, op := range h.lost {
		in := op.Input.(request)
		d, ok := made[in.model+in.id]
		if in.id == "" || !ok {
			continue
		}
		unknown++
		op.Output, op.Return = response{version: d.Version, etag: params.ETag(d.Version, d.Digest)}, math.MaxInt64
		h.done = append(h.done, op)
	}
	model := h.model()
	result, info := porcupine.CheckOperationsVerbose(model, h.done, time.Minute)
	if result != porcupine.Ok {
		path := filepath.Join(t.ArtifactDir(), "history.html")
		require.NoError(t, porcupine.VisualizePath(model, info, path))
		t.Fatalf("the history cannot be explained (%s); with -artifacts, %s shows it", result, path)
	}
	t.Logf("%d requests can be explained; %d were lost, of which %d writes were made", len(h.done), len(h.lost), unknown)
}
