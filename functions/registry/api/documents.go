package api

import (
	"context"
	"sync"

	"github.com/modelfn/modelfn/framework/params"
)

// documents keeps those that were read or written: they never change. It holds what
// fits, and then begins anew.
type documents struct {
	mu   sync.Mutex // guards what follows
	kept map[documentKey]*params.Document
	size int // of their params, and a little for each
}

type documentKey struct {
	model   string
	version int64
}

// mostKept is how much documents may take in memory, in bytes.
const mostKept = 16 << 20

func (d *documents) get(key documentKey) *params.Document {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept[key]
}

func (d *documents) put(key documentKey, doc *params.Document) {
	size := len(doc.Params) + len(doc.Message) + 1000
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept[key] != nil || size > mostKept {
		return
	}
	if d.kept == nil || d.size+size > mostKept {
		d.kept, d.size = map[documentKey]*params.Document{}, 0
	}
	d.kept[key] = doc
	d.size += size
}

// document returns one version.
func (r *Registry) document(ctx context.Context, model string, version int64) (*params.Document, error) {
	key := documentKey{model, version}
	if doc := r.documents.get(key); doc != nil {
		return doc, nil
	}
	rec, err := r.read(ctx, model, version)
	if err != nil {
		return nil, err
	}
	r.documents.put(key, &rec.Document)
	return &rec.Document, nil
}

// readsAtOnce is how many documents of a page are read at once: in a bucket each takes
// a request.
const readsAtOnce = 8

// page returns n versions from one on down.
func (r *Registry) page(ctx context.Context, model string, from int64, n int) ([]params.Document, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	list := make([]params.Document, n)
	places := make(chan struct{}, readsAtOnce)
	var reading sync.WaitGroup
	for i := range n {
		places <- struct{}{}
		reading.Go(func() {
			defer func() { <-places }()
			doc, err := r.document(ctx, model, from-int64(i))
			if err != nil {
				cancel(err) // the first one is the cause
				return
			}
			list[i] = *doc
		})
	}
	reading.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return list, nil
}
