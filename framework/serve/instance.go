package serve

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/predict"
	"github.com/modelfn/modelfn/framework/remote"
)

// The headers that every answer carries: who answered, and with which params.
const (
	ModelHeader      = remote.ModelHeader
	VersionHeader    = remote.VersionHeader
	DigestHeader     = remote.DigestHeader
	ComponentsHeader = "Modelfn-Components" // component-d=3, …
	RevisionHeader   = "Modelfn-Revision"
)

// ParamsHeader is [NoParams] with an answer that could not be given because no params are
// loaded yet. Nothing was tried, and asking again at once, or another replica, may do.
const (
	ParamsHeader = "Modelfn-Params"
	NoParams     = "none"
)

// Instance is what a model answers with: one set of params, built.
type Instance struct {
	runner  predict.Runner
	headers []header
}

// header is a response header, its value made once for all answers. Nobody
// changes the slice.
type header struct {
	name  string
	value []string
}

// setHeaders sets headers. A list of them is faster to go through than a map.
func setHeaders(h http.Header, list []header) {
	for i := range list {
		h[list[i].name] = list[i].value
	}
}

// NewInstance returns the instance of a set.
func NewInstance(set *params.Set, runner predict.Runner) *Instance {
	headers := []header{
		{VersionHeader, []string{strconv.FormatInt(set.Version, 10)}},
		{DigestHeader, []string{set.Digest}},
	}
	if len(set.Requires) > 0 {
		var list []string
		for _, name := range set.RequiredNames() {
			list = append(list, name+"="+strconv.FormatInt(set.Requires[name].Version, 10))
		}
		headers = append(headers, header{ComponentsHeader, []string{strings.Join(list, ", ")}})
	}
	return &Instance{runner, headers}
}
