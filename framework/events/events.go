// Package events knows the one kind of CloudEvent that a function acts on, and
// reads it from a request.
//
// The event says that a model has new params. It is a hint and nothing more: its
// data is never applied, only the version in it is compared. So a forged event
// costs one question to the registry, of which there are at most five a second, and a
// lost one is made good by the next look at the registry.
//
// Reading is written here and not taken from the CloudEvents SDK: of an event a
// function needs four attributes, and the SDK would double the time that a function
// takes to start, and add a third to its size. The tests read what the SDK writes.
// Package sink, which sends events, uses the SDK.
package events

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/schema"
)

// ParamsChanged is the type of the event that says that a model has new params.
const ParamsChanged = "dev.modelfn.params.changed.v1"

// MaxSize bounds the size of an event, in bytes: what the CloudEvents
// specification lets everybody rely on.
const MaxSize = 64 << 10

// Change is what an event of type [ParamsChanged] says.
type Change struct {
	Model   string `json:"model"`
	Version int64  `json:"version"`
	Digest  string `json:"digest"`
}

// Event is what a function looks at of an event.
type Event struct {
	Type, Source, Subject, ID string

	// Sequence is the version that a [ParamsChanged] announces, 0 for none.
	Sequence int64
}

// attributes are those of an event as they were received.
type attributes struct {
	SpecVersion string `json:"specversion"`
	Type        string `json:"type"`
	Source      string `json:"source"`
	ID          string `json:"id"`
	Subject     string `json:"subject"`
	Sequence    string `json:"sequence"`
}

// Read reads one event, in binary or structured mode (CloudEvents 1.0, HTTP protocol
// binding), from a request. What is malformed is a fault of kind Invalid: a broker
// does not deliver it again.
func Read(r *http.Request) (Event, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxSize))
	if errors.As(err, new(*http.MaxBytesError)) {
		return Event{}, fault.New(fault.TooLarge, "the event is over %d bytes", MaxSize)
	}
	if err != nil {
		return Event{}, &fault.Error{Kind: fault.Invalid, Message: "the event did not arrive in full", Err: err}
	}
	mode, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var a attributes
	switch {
	case mode == "application/cloudevents-batch+json":
		return Event{}, fault.New(fault.MediaType, "events are taken one by one, not as a batch")
	case mode == "application/cloudevents+json":
		if err := json.Unmarshal(body, &a); err != nil {
			return Event{}, schema.Malformed(err)
		}
	case r.Header.Get("Ce-Specversion") == "":
		return Event{}, fault.New(fault.MediaType, "not a CloudEvent: there is no ce-specversion, nor is the Content-Type application/cloudevents+json")
	default:
		a = fromHeader(r.Header)
	}
	return a.event()
}

// fromHeader reads the attributes of an event in binary mode. Some characters are
// percent-encoded there; what only looks so is taken as it is.
func fromHeader(h http.Header) attributes {
	get := func(name string) string {
		value := h.Get("Ce-" + name)
		if decoded, err := url.PathUnescape(value); err == nil {
			return decoded
		}
		return value
	}
	return attributes{get("Specversion"), get("Type"), get("Source"), get("Id"), get("Subject"), get("Sequence")}
}

// event checks the attributes.
func (a *attributes) event() (Event, error) {
	var p fault.Problems
	if a.SpecVersion != "1.0" {
		p.Add("specversion", "%q is not 1.0", a.SpecVersion)
	}
	for _, required := range []struct{ name, value string }{{"id", a.ID}, {"source", a.Source}, {"type", a.Type}} {
		if required.value == "" {
			p.Add(required.name, "missing")
		}
	}
	e := Event{Type: a.Type, Source: a.Source, Subject: a.Subject, ID: a.ID}
	if a.Sequence != "" && a.Type == ParamsChanged {
		var err error
		if e.Sequence, err = strconv.ParseInt(a.Sequence, 10, 64); err != nil || e.Sequence < 0 {
			p.Add("sequence", "%q is not a version", a.Sequence)
		}
	}
	return e, p.Err()
}
