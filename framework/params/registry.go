package params

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/modelfn/modelfn/framework/schema"
)

// RegistryConfig says where a model's params come from.
type RegistryConfig struct {
	URL   string // of the registry, such as http://registry.team.svc.cluster.local
	Model string

	// Pin names the version that the model stays with, and its digest if that is
	// known; version 0 follows what is current.
	Pin Pin

	// Wait is how long the registry is asked to hold a watch; 30 s if zero.
	Wait time.Duration

	// Self tells how the replica stands, for every watch; nil for nothing.
	Self func() Replica

	Transport http.RoundTripper // nil: one of the source's own
}

// Registry is a source that follows, or is pinned in, a params registry. A poll
// and a watch are the same request; the watch asks the registry to hold its
// answer until there is another document.
type Registry struct {
	cfg  RegistryConfig
	base *url.URL
	http http.Client

	mu      sync.Mutex       // guards what follows
	known   map[Pin]Document // components of the sets seen last, which never change
	seen    string           // the entity tag of the current document that was seen last
	given   string           // the entity tag of the pinned version, once it was given
	pending *delivery        // what a watch brought, until it is loaded
	renew   func()           // ends the watch that is under way; nil if there is none
}

// delivery is a document that a watch brought, and what served when it was asked.
type delivery struct {
	doc  Document
	have string
}

// loadTimeout bounds the loading of one set.
const loadTimeout = 10 * time.Second

// maxDocument bounds the size of a document, in bytes.
const maxDocument = 64 << 20

// ErrNoVersion is the error of a document that the registry does not have.
var ErrNoVersion = errors.New("the registry does not have it")

// noVersionError is an [ErrNoVersion] in the registry's words.
type noVersionError struct{ error }

func (noVersionError) Is(target error) bool { return target == ErrNoVersion }

// NewRegistry returns a source for a model of a registry.
func NewRegistry(cfg RegistryConfig) (*Registry, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the registry's URL %q is not an http or https URL", cfg.URL)
	}
	if cfg.Wait <= 0 {
		cfg.Wait = 30 * time.Second
	}
	if cfg.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.Proxy = nil
		t.DialContext = (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}).DialContext
		cfg.Transport = t
	}
	return &Registry{cfg: cfg, base: u, http: http.Client{Transport: cfg.Transport}, known: map[Pin]Document{}}, nil
}

// ETag is the entity tag of a document: its version and the start of its digest.
func ETag(version int64, digest string) string {
	hex := strings.TrimPrefix(digest, "sha256:")
	return `"` + strconv.FormatInt(version, 10) + "-" + hex[:min(12, len(hex))] + `"`
}

// tag is the entity tag of what serves, "" for nothing.
func tag(have *Set) string {
	if have == nil {
		return ""
	}
	return ETag(have.Version, have.Digest)
}

// Load implements [Source].
func (r *Registry) Load(ctx context.Context, have *Set) (Set, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	if r.cfg.Pin.Version > 0 {
		return r.pinned(ctx, have)
	}
	doc, ok := r.take(have)
	if !ok {
		var err error
		if doc, err = r.current(ctx, tag(have), 0); err != nil {
			return Set{}, err
		}
		if doc == nil {
			return *have, nil
		}
		r.mu.Lock()
		r.seen = ETag(doc.Version, doc.Digest)
		r.mu.Unlock()
	}
	return r.complete(ctx, doc)
}

// pinned returns the set of the version that is pinned. It never changes, so it is
// asked for once; but what serves may be a fallback, which only bears its number.
func (r *Registry) pinned(ctx context.Context, have *Set) (Set, error) {
	r.mu.Lock()
	known := r.given != "" && r.given == tag(have)
	r.mu.Unlock()
	if known {
		return *have, nil
	}
	set, err := r.Version(ctx, r.cfg.Pin.Version)
	if err == nil {
		err = r.cfg.Pin.check(&set.Document)
	}
	if err == nil {
		r.mu.Lock()
		r.given = tag(&set)
		r.mu.Unlock()
	}
	return set, err
}

// take returns what a watch brought, unless something else was applied since the
// watch began: then it may be out of date.
func (r *Registry) take(have *Set) (*Document, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pending
	r.pending = nil
	if p == nil || p.have != tag(have) {
		return nil, false
	}
	return &p.doc, true
}

// Wait implements [Watcher].
func (r *Registry) Wait(ctx context.Context, have *Set) (changed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Wait+10*time.Second)
	defer cancel()
	ctx, renew := context.WithCancelCause(ctx)
	defer renew(nil)
	r.mu.Lock()
	seen := r.seen
	r.renew = func() { renew(errRenewed) }
	r.mu.Unlock()
	doc, err := r.current(ctx, seen, r.cfg.Wait)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.renew = nil
	switch {
	case err != nil && errors.Is(context.Cause(ctx), errRenewed):
		return false, nil
	case err != nil || doc == nil:
		return false, err
	}
	r.seen = ETag(doc.Version, doc.Digest)
	r.pending = &delivery{*doc, tag(have)}
	return true, nil
}

var errRenewed = errors.New("there is something to tell")

// Renew has the watch that is under way made again at once, so that the registry
// hears how the replica stands now.
func (r *Registry) Renew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.renew != nil {
		r.renew()
	}
}

// Version returns the set of one version of the model.
func (r *Registry) Version(ctx context.Context, version int64) (Set, error) {
	doc, err := r.version(ctx, r.cfg.Model, version)
	if err != nil {
		return Set{}, err
	}
	return r.complete(ctx, doc)
}

// complete adds the documents that a document requires, and keeps them for the next
// time.
func (r *Registry) complete(ctx context.Context, doc *Document) (Set, error) {
	set, used, err := r.gather(ctx, doc)
	if err != nil {
		return Set{}, fmt.Errorf("%s version %d: %w", doc.Model, doc.Version, err)
	}
	r.mu.Lock()
	r.known = used
	r.mu.Unlock()
	return set, nil
}

// Complete returns the set of a document that is nowhere stored: with the documents
// that it requires. The error is [ErrNoVersion] if one of them is not there.
func (r *Registry) Complete(ctx context.Context, doc Document) (Set, error) {
	set, _, err := r.gather(ctx, &doc)
	return set, err
}

// gather returns a document with all that it requires, and this by its pins too.
func (r *Registry) gather(ctx context.Context, doc *Document) (set Set, used map[Pin]Document, err error) {
	set, used = Set{Document: *doc}, map[Pin]Document{}
	queue := []*Document{doc}
	for len(queue) > 0 {
		d := queue[0]
		queue = queue[1:]
		for _, name := range d.RequiredNames() {
			pin := d.Requires[name]
			part, err := r.component(ctx, name, pin)
			if err != nil {
				return Set{}, nil, err
			}
			if set.Components == nil {
				set.Components = map[string]Document{}
			}
			if before, ok := set.Components[name]; ok && before.Digest != part.Digest {
				return Set{}, nil, twoVersions(name)
			}
			set.Components[name], used[pin] = *part, *part
			queue = append(queue, part)
		}
	}
	return set, used, nil
}

// component returns the document that a pin names.
func (r *Registry) component(ctx context.Context, name string, pin Pin) (*Document, error) {
	r.mu.Lock()
	doc, ok := r.known[pin]
	r.mu.Unlock()
	if ok && doc.Model == name {
		return &doc, nil
	}
	found, err := r.version(ctx, name, pin.Version)
	if err != nil {
		return nil, err
	}
	return found, pin.check(found)
}

// current asks for the model's current document; nil means that it is still the
// one with that entity tag.
func (r *Registry) current(ctx context.Context, etag string, wait time.Duration) (*Document, error) {
	header := http.Header{}
	if etag != "" {
		header.Set("If-None-Match", etag)
	}
	if wait > 0 {
		header.Set("Prefer", "wait="+strconv.Itoa(int(wait/time.Second)))
		if r.cfg.Self != nil {
			header.Set(ReplicaHeader, r.cfg.Self().String())
		}
	}
	return r.get(ctx, header, "params", r.cfg.Model)
}

func (r *Registry) version(ctx context.Context, model string, version int64) (*Document, error) {
	return r.get(ctx, nil, "params", model, "versions", strconv.FormatInt(version, 10))
}

// get reads one document and checks it.
func (r *Registry) get(ctx context.Context, header http.Header, path ...string) (*Document, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base.JoinPath(path...).String(), nil)
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the registry: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the registry's answer: %w", err)
	case resp.StatusCode == http.StatusNotModified && req.Header.Get("If-None-Match") != "":
		return nil, nil
	case resp.StatusCode != http.StatusOK:
		err := fmt.Errorf("the registry answers %s to %s: %.200s", resp.Status, req.URL.Path, body)
		if resp.StatusCode == http.StatusNotFound {
			err = noVersionError{err}
		}
		return nil, err
	}
	doc, err := schema.Decode[Document](body)
	if err == nil {
		err = doc.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("the registry's answer to %s: %w", req.URL.Path, unreachable{err})
	}
	if doc.Model != path[1] {
		return nil, fmt.Errorf("the registry gave a document of %s for %s", doc.Model, path[1])
	}
	return &doc, nil
}

// unreachable hides the fault in an error: an answer that is malformed says
// nothing about the set that is wanted.
type unreachable struct{ error }

// Close lets go of the connections.
func (r *Registry) Close() { r.http.CloseIdleConnections() }
