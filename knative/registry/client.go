// Package registry is a client of the params registry: what the tool, the local
// run and the page ask of it.
//
// A [Client] holds nothing but where the registry is; the registry itself, or a
// gateway in front of it, answers the same. It makes each request once: whoever
// wants a write repeated gives it a key.
//
// A Client is safe for concurrent use. The tests ask the real registry.
package registry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/params"
)

// maxAnswer bounds the size of an answer, in bytes.
const maxAnswer = 64 << 20

// Client asks one registry.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// New returns a client of the registry at a URL, such as http://127.0.0.1:8080,
// that writes with a token; "" for none.
func New(base, token string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not an http or https URL", base)
	}
	return &Client{base: u, token: token, http: &http.Client{}}, nil
}

// Through returns a client that sends its requests through t.
func (c *Client) Through(t http.RoundTripper) *Client {
	through := *c
	through.http = &http.Client{Transport: t}
	return &through
}

// Error is an answer that refuses a request.
type Error struct {
	Status  int
	Message string // why
	ID      string // under which the registry's log has more; may be ""
}

// Error says what the registry said.
func (e *Error) Error() string {
	text := fmt.Sprintf("the registry answers %d: %s", e.Status, e.Message)
	if e.ID != "" {
		text += " (id " + e.ID + ")"
	}
	return text
}

// ConflictError says that a write was not made, because another document is
// current than it expects.
type ConflictError struct {
	Current params.Document
}

// Error names the current version.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("version %d of %s is current", e.Current.Version, e.Current.Model)
}

// call is one request.
type call struct {
	method string
	path   []string // below /params
	query  url.Values
	header http.Header
	body   any // as JSON; nil for none

	answered func(http.Header) // gets the header of the answer; may be nil
}

// do makes a request and reads its answer into answer, unless its status is 304;
// the statuses of accept are no errors.
func (c *Client) do(ctx context.Context, q call, answer any, accept ...int) (status int, err error) {
	resp, err := c.send(ctx, q)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if q.answered != nil {
		q.answered(resp.Header)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, fmt.Errorf("reading the registry's answer: %w", err)
	}
	good := resp.StatusCode/100 == 2
	for _, s := range accept {
		good = good || resp.StatusCode == s
	}
	if !good {
		return resp.StatusCode, refusal(resp, body)
	}
	if resp.StatusCode == http.StatusNotModified {
		return resp.StatusCode, nil
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return resp.StatusCode, fmt.Errorf("reading the registry's answer: %w", err)
	}
	return resp.StatusCode, nil
}

func (c *Client) send(ctx context.Context, q call) (*http.Response, error) {
	u := c.base.JoinPath(append([]string{"params"}, q.path...)...)
	u.RawQuery = q.query.Encode()
	var body io.Reader
	if q.body != nil {
		text, err := json.Marshal(q.body, json.Deterministic(true))
		if err != nil {
			return nil, fmt.Errorf("writing the request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, cmp.Or(q.method, http.MethodGet), u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("writing the request: %w", err)
	}
	for name, value := range q.header {
		r.Header[name] = value
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("asking the registry: %w", err)
	}
	return resp, nil
}

// refusal is the error that an answer stands for.
func refusal(resp *http.Response, body []byte) error {
	if resp.StatusCode == http.StatusPreconditionFailed {
		var current params.Document
		if json.Unmarshal(body, &current) == nil && current.Check() == nil {
			return &ConflictError{current}
		}
	}
	var said struct {
		Error string `json:"error"`
		ID    string `json:"id"`
	}
	if json.Unmarshal(body, &said) != nil || said.Error == "" {
		said.Error = resp.Status
	}
	return &Error{Status: resp.StatusCode, Message: said.Error, ID: said.ID}
}

// IsNotFound reports whether an error says that there is no such model or version.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound
}

// List returns every model's current document by name.
func (c *Client) List(ctx context.Context) (all map[string]params.Document, err error) {
	_, err = c.do(ctx, call{}, &all)
	return all, err
}

// Current returns a model's current document.
func (c *Client) Current(ctx context.Context, model string) (d params.Document, err error) {
	_, err = c.do(ctx, call{path: []string{model}}, &d)
	return d, err
}

// Wait returns a model's current document as soon as it is another one than d, and
// false if it was not for as long as the registry would wait, some 30 s.
func (c *Client) Wait(ctx context.Context, d params.Document) (next params.Document, changed bool, err error) {
	header := http.Header{
		"If-None-Match": {params.ETag(d.Version, d.Digest)},
		"Prefer":        {"wait=" + strconv.Itoa(int(longestWait/time.Second))},
	}
	status, err := c.do(ctx, call{path: []string{d.Model}, header: header}, &next, http.StatusNotModified)
	return next, status == http.StatusOK, err
}

// longestWait is how long the registry holds an answer at most.
const longestWait = 30 * time.Second

// Version returns one version of a model.
func (c *Client) Version(ctx context.Context, model string, version int64) (d params.Document, err error) {
	_, err = c.do(ctx, call{path: []string{model, "versions", strconv.FormatInt(version, 10)}}, &d)
	return d, err
}

// Versions returns at most limit documents of a model, the newest first, from
// before on down; before 0 is the newest. next is the before of the next page, 0 if
// there is none.
func (c *Client) Versions(ctx context.Context, model string, before int64, limit int) (list []params.Document, next int64, err error) {
	var page struct {
		Versions []params.Document `json:"versions"`
		Next     int64             `json:"next"`
	}
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if before > 0 {
		query.Set("before", strconv.FormatInt(before, 10))
	}
	_, err = c.do(ctx, call{path: []string{model, "versions"}, query: query}, &page)
	return page.Versions, page.Next, err
}

// Replica is a replica that watches the registry.
type Replica struct {
	Name     string       `json:"name"`
	Revision string       `json:"revision"`
	Version  int64        `json:"version"`
	Digest   string       `json:"digest,omitzero"`
	State    params.State `json:"state"`
	Since    time.Time    `json:"since"` // when it was heard of last
	Error    string       `json:"error,omitzero"`
}

// Replicas returns the replicas of a model, by name.
func (c *Client) Replicas(ctx context.Context, model string) ([]Replica, error) {
	list, _, err := c.WaitReplicas(ctx, model, "")
	return list, err
}

// WaitReplicas waits until the replicas of a model are not those that an entity tag
// names, and returns them with theirs. After up to 30 s it returns the same tag, and
// no list. With the tag "" it does not wait.
func (c *Client) WaitReplicas(ctx context.Context, model, etag string) (list []Replica, next string, err error) {
	q := call{path: []string{model, "replicas"}, header: http.Header{}}
	if etag != "" {
		q.header.Set("If-None-Match", etag)
		q.header.Set("Prefer", "wait="+strconv.Itoa(int(longestWait/time.Second)))
	}
	var answer struct {
		Replicas []Replica `json:"replicas"`
	}
	q.answered = func(h http.Header) { next = h.Get("ETag") }
	_, err = c.do(ctx, q, &answer, http.StatusNotModified)
	return answer.Replicas, next, err
}

// Set returns a document with all that it requires: what a replica would load.
func (c *Client) Set(ctx context.Context, d params.Document) (*params.Bundle, error) {
	bundle := &params.Bundle{Documents: []params.Document{d}}
	seen := map[string]bool{}
	for i := 0; i < len(bundle.Documents); i++ {
		of := bundle.Documents[i]
		for _, name := range of.RequiredNames() {
			pin := of.Requires[name]
			if seen[pin.Digest] {
				continue
			}
			seen[pin.Digest] = true
			part, err := c.Version(ctx, name, pin.Version)
			if err != nil {
				return nil, fmt.Errorf("%s requires %s version %d: %w", of.Model, name, pin.Version, err)
			}
			bundle.Documents = append(bundle.Documents, part)
		}
	}
	_, err := bundle.Set(d.Model) // it is whole, and every pin fits
	return bundle, err
}
