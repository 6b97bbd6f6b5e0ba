package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/functions/registry/store"
)

// Linearizable lets clients append to and read two logs at once, calls times each,
// and asserts that what they saw can be explained by one order of the calls that
// fits the times of each. The store of a client is asked for before each call, so it
// may change; calls that find it unavailable may have had an effect or not.
func Linearizable(t *testing.T, clients, calls int, storeOf func(client int) *store.Store) {
	t.Helper()
	h := new(history)
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(client), 0))
			for call := range calls {
				name := []string{"model-a", "model-b"}[random.IntN(2)]
				s := storeOf(client)
				version, err := h.read(t.Context(), s, client, name)
				if err == nil && random.IntN(3) > 0 {
					version += 1 + int64(random.IntN(20)/18) // seldom too far
					err = h.append(t.Context(), storeOf(client), client, name, version, fmt.Sprintf("client %d, call %d", client, call))
				}
				if err != nil && !errors.Is(err, store.ErrConflict) {
					assert.ErrorIs(t, err, store.ErrUnavailable)
				}
			}
		})
	}
	group.Wait()
	h.check(t, storeOf)
}

// history is what clients did and saw.
type history struct {
	mu    sync.Mutex // guards what follows
	clock int64      // counts calls and returns
	done  []porcupine.Operation
	lost  []porcupine.Operation // appends of which nobody knows whether they were made
}

// input is an append, or a read if data is "". Its outcome is an output.
type input struct {
	name    string
	version int64
	data    string
}

// output is what a read returned, or whether an append met a conflict.
type output struct {
	version  int64
	data     string
	conflict bool
}

func (h *history) now() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	return h.clock
}

// read reads the newest version of a log.
func (h *history) read(ctx context.Context, s *store.Store, client int, name string) (int64, error) {
	called := h.now()
	version, err := s.Head(ctx, name)
	var data []byte
	if err == nil && version > 0 {
		data, err = s.Get(ctx, name, version)
	}
	if err != nil {
		return 0, err
	}
	h.note(client, input{name: name}, called, output{version: version, data: string(data)})
	return version, nil
}

func (h *history) append(ctx context.Context, s *store.Store, client int, name string, version int64, data string) error {
	in, called := input{name, version, data}, h.now()
	err := s.Append(ctx, name, version, []byte(data))
	if err == nil || errors.Is(err, store.ErrConflict) {
		h.note(client, in, called, output{conflict: err != nil})
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	// It never returned, as far as anybody knows.
	h.lost = append(h.lost, porcupine.Operation{ClientId: client, Input: in, Call: called, Output: output{}, Return: math.MaxInt64})
	return err
}

func (h *history) note(client int, in input, called int64, out output) {
	returned := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = append(h.done, porcupine.Operation{ClientId: client, Input: in, Call: called, Output: out, Return: returned})
}

// head is the newest version of a log, which is all the state that the calls see.
type head struct {
	version int64
	data    string
}

var logModel = porcupine.Model{
	Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
		byName := map[string][]porcupine.Operation{}
		for _, op := range all {
			name := op.Input.(input).name
			byName[name] = append(byName[name], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byName {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return head{} },
	Step: func(state, in, out any) (bool, any) {
		now, call, result := state.(head), in.(input), out.(output)
		next := call.version == now.version+1
		switch {
		case call.data == "":
			return result.version == now.version && result.data == now.data, now
		case result.conflict:
			return !next, now
		default:
			return next, head{call.version, call.data}
		}
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v: %+v", in, out) },
}

// check asserts that the history can be explained. The log itself tells which of the
// lost appends were made.
func (h *history) check(t *testing.T, storeOf func(client int) *store.Store) {
	t.Helper()
	for _, name := range []string{"model-a", "model-b"} {
		h.finish(t, storeOf, name)
	}
	for _, op := range h.lost {
		in := op.Input.(input)
		var data []byte
		available(t, func() (err error) {
			data, err = storeOf(0).Get(t.Context(), in.name, in.version)
			return err
		})
		if string(data) == in.data {
			h.done = append(h.done, op)
		}
	}
	for _, name := range []string{"model-a", "model-b"} {
		available(t, func() error {
			_, err := h.read(t.Context(), storeOf(0), 0, name)
			return err
		})
	}
	result, info := porcupine.CheckOperationsVerbose(logModel, h.done, time.Minute)
	if result != porcupine.Ok {
		path := filepath.Join(t.ArtifactDir(), "history.html")
		require.NoError(t, porcupine.VisualizePath(logModel, info, path))
		t.Fatalf("the history cannot be explained (%s); with -artifacts, %s shows it", result, path)
	}
	t.Logf("%d calls can be explained; of %d more nobody knew the outcome", len(h.done), len(h.lost))
}

// finish appends a last version to a log. A lost append may still be on its way: it
// is for a version that there is after this.
func (h *history) finish(t *testing.T, storeOf func(client int) *store.Store, name string) {
	t.Helper()
	for try := 0; ; try++ {
		var version int64
		available(t, func() (err error) {
			version, err = h.read(t.Context(), storeOf(0), 0, name)
			return err
		})
		err := h.append(t.Context(), storeOf(0), 0, name, version+1, fmt.Sprint("the last, ", try))
		if err == nil {
			return
		}
		if !errors.Is(err, store.ErrConflict) {
			require.ErrorIs(t, err, store.ErrUnavailable)
		}
		require.Less(t, try, 100, "the store does not come back")
	}
}

// available makes a call until the store is available for it.
func available(t *testing.T, call func() error) {
	t.Helper()
	err := call()
	for range 100 {
		if !errors.Is(err, store.ErrUnavailable) {
			break
		}
		err = call()
	}
	if !errors.Is(err, store.ErrNotFound) {
		require.NoError(t, err)
	}
}
