package console

import (
	"context"
	"time"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/knative/registry"
)

// What the page is told, and what it may ask for; API.md says how it is used.

// ModelList answers GET /api/models, and is the data of the live event "models".
type ModelList struct {
	// Managed says that the models have revisions, and that their traffic can be
	// changed here: it is so on a cluster.
	Managed bool `json:"managed"`

	// SignIn says that writes need a token.
	SignIn bool `json:"signIn"`

	// Registry says how the registry of params is; "none" if there is none.
	Registry RegistryState `json:"registry"`

	// Models are in the order of their names, and the components behind them.
	Models []ModelInfo `json:"models"`
}

// RegistryState says how the registry is.
type RegistryState string

// The states of the registry.
const (
	RegistryNone  RegistryState = "none"
	RegistryReady RegistryState = "ready"
	RegistryAway  RegistryState = "away" // what is known of params may be old
)

// Kind tells models from what they are made of.
type Kind string

// The kinds.
const (
	KindModel     Kind = "model"
	KindComponent Kind = "component" // another one requires it; on its own it answers only if it is deployed
)

// State says how a model is.
type State string

// The states of a model.
const (
	StateReady    State = "ready"
	StateStarting State = "starting"
	StateZero     State = "zero"    // scaled to zero: the next request starts it
	StateFailing  State = "failing" // Reason says why
	StateInside   State = "inside"  // a component that runs within the models
	StateAbsent   State = "absent"  // it has params, but is not deployed here
)

// ModelInfo is what the page is told of one model or component.
type ModelInfo struct {
	Name        string `json:"name"`
	Kind        Kind   `json:"kind"`
	Description string `json:"description,omitzero"`

	// Signature is what goes in and out; null if that is not known, as of a component
	// that is not deployed.
	Signature *framework.Signature `json:"signature"`

	State  State  `json:"state"`
	Reason string `json:"reason,omitzero"` // why it is not ready

	// Params is the current document, without the params; null if there is none, or
	// the registry is away and was never seen.
	Params *ParamsInfo `json:"params"`

	// Revisions are the newest first; none where the models are not managed.
	Revisions []Revision `json:"revisions"`

	// LeftOut is how many revisions there are besides: of those without traffic, tag and
	// pods the 20 are told that had some last, or are the newest.
	LeftOut int `json:"leftOut,omitzero"`

	// Split names the state of the traffic; a change of it expects this one.
	Split string `json:"split,omitzero"`

	// TrafficSet is who set the traffic; null if that is not known, as of what another
	// tool set.
	TrafficSet *TrafficSet `json:"trafficSet,omitzero"`
}

// ParamsInfo is a document of params without its content.
type ParamsInfo struct {
	Version  int64      `json:"version"`
	Digest   string     `json:"digest"`
	Requires []Required `json:"requires"` // the components, by name
	Author   string     `json:"author,omitzero"`
	Message  string     `json:"message,omitzero"`
	Created  time.Time  `json:"created,omitzero"`
	Held     bool       `json:"held,omitzero"`
}

// Required is a component as a document pins it.
type Required struct {
	Name    string `json:"name"`
	Version int64  `json:"version"`
	Digest  string `json:"digest"`
}

// Revision is one revision of a model, as Knative has it.
type Revision struct {
	Name  string `json:"name"`
	Image string `json:"image"`

	// ParamsVersion is the version that the revision is pinned to; 0 if it follows
	// what is current.
	ParamsVersion int64 `json:"paramsVersion"`

	Percent int      `json:"percent"` // of the traffic
	Tags    []string `json:"tags"`
	Ready   bool     `json:"ready"`
	Reason  string   `json:"reason,omitzero"` // why it is not ready

	// Pods is how many are running; 0 is scaled to zero, -1 not known.
	Pods    int       `json:"pods"`
	Created time.Time `json:"created"`
}

// Share is what one revision gets of a model's traffic.
type Share struct {
	Revision string   `json:"revision"`
	Percent  int      `json:"percent" min:"0" max:"100"`
	Tags     []string `json:"tags"` // each is an address of its own
}

// Split is a model's traffic.
type Split struct {
	Traffic []Share `json:"traffic"`
	ETag    string  `json:"etag"` // names this state of it, as [ModelInfo].Split

	Set *TrafficSet `json:"set,omitzero"` // as [ModelInfo].TrafficSet
}

// TrafficSet is who set the traffic as it stands, and when.
type TrafficSet struct {
	// By is the owner of the token if that was here, and the login name if it was the tool on
	// somebody's machine, which nothing proves; "" if it is not known.
	By string    `json:"by,omitzero"`
	At time.Time `json:"at"`
}

// SplitChange is the body of POST /api/models/{model}/traffic.
type SplitChange struct {
	// Traffic is the whole split: a revision that is not in it gets nothing, and a
	// tag that is not in it is taken away. The percents add up to 100.
	Traffic []Share `json:"traffic"`

	// IfMatch is the ETag of the split that is changed; the header If-Match has it.
	IfMatch string `json:"-"`

	// By is who changes it: the owner of the token.
	By string `json:"-"`
}

// SplitChanged is the answer to a change. With the status 412 Former is null, and
// the rest is the split as it stands.
type SplitChanged struct {
	Split
	Former []Share `json:"former"` // to go back to
	Error  string  `json:"error,omitzero"`
}

// Manager is a [Discovery] of models that have revisions, and whose traffic it can
// change. With one the page shows both.
type Manager interface {
	Discovery

	// SetTraffic makes a split that of a model, if the present one is the one that
	// is expected, and returns the new one and the former. The gateway has checked
	// that who asks may do it, that the percents add up, and that no tag is there
	// twice. A fault of kind Precondition, with the split as it stands, says that
	// another change came first; one of kind Invalid names the field, such as
	// traffic[1].revision.
	SetTraffic(ctx context.Context, model string, change SplitChange) (now Split, former []Share, err error)
}

// Session answers GET /api/session: who the token of the request belongs to.
type Session struct {
	// Name is the token's owner; "" where writes need none.
	Name string `json:"name"`
}

// ParamsEvent tells of a document that is new in the registry.
type ParamsEvent struct {
	Model string `json:"model"`
	ParamsInfo

	// Current is the version that was current when this was seen.
	Current int64 `json:"current"`
}

// ReplicasEvent tells of the replicas of a model that follow the registry.
type ReplicasEvent struct {
	Model    string             `json:"model"`
	Version  int64              `json:"version"` // that is current
	Replicas []registry.Replica `json:"replicas"`
}

// Stats is what the gateway saw in one second.
type Stats struct {
	At     int64                 `json:"at"`     // the second, as Unix time
	Models map[string]ModelStats `json:"models"` // those with requests in it, or in the seconds before
}

// ModelStats is what the gateway saw of one model's predictions.
type ModelStats struct {
	Requests int `json:"requests"` // answered in this second
	Errors   int `json:"errors"`   // of those: 5xx, 429, or no answer; not what the caller got wrong or gave up

	// P50 and P99 are times to the whole answer in milliseconds, over the last five
	// seconds; null if there was no request in them.
	P50 *float64 `json:"p50"`
	P99 *float64 `json:"p99"`

	// Revisions counts this second's answers by the revision that they came from.
	Revisions map[string]int `json:"revisions,omitzero"`
}
