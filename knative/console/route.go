package console

import (
	"net/http"
	"strings"
)

// action is what the gateway does for a path.
type action uint8

const (
	notFound action = iota
	notYet
	showIndex
	showLive
	showReady
	showDataset
	listModels
	describeModel
	predictV1
	predict
	evaluate
	askRegistry
	showModels
	showLiveEvents
	showSession
	setTraffic
)

// route is a parsed path.
type route struct {
	action action
	name   string // of the model or dataset; "" for the other actions
	path   string // at the registry; "" for the other actions
}

// parse reads the path of a request. It is the only thing of a path that is used
// from then on: what goes to a model is written anew by [route.upstream].
func parse(path string) route {
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case path == "/":
		return route{action: showIndex}
	case path == "/health/live":
		return route{action: showLive}
	case path == "/health/ready":
		return route{action: showReady}
	case path == "/v1/models":
		return route{action: listModels}
	case strings.HasPrefix(path, "/v1/models/"):
		name, verb, ok := strings.Cut(strings.TrimPrefix(path, "/v1/models/"), ":")
		switch {
		case !ok:
			return named(describeModel, name)
		case verb == "predict":
			return named(predictV1, name)
		}
	case !strings.HasPrefix(path, "/"), first == "health", first == "v1":
	case first == "v2": // the Open Inference Protocol's; no model may lie there until it is served
		return route{action: notYet}
	case first == "api":
		return belowAPI(rest)
	case first == "data":
		return named(showDataset, rest)
	case first == "params":
		return belowParams(path)
	case rest == "predict":
		return named(predict, first)
	case rest == "evaluate":
		return named(evaluate, first)
	}
	return route{}
}

// named returns the route of a model or dataset; names with underscores and with
// hyphens are the same.
func named(a action, name string) route {
	if name == "" || strings.Contains(name, "/") {
		return route{}
	}
	return route{action: a, name: strings.ReplaceAll(name, "_", "-")}
}

// belowAPI returns the route of what is for the page.
func belowAPI(rest string) route {
	switch rest {
	case "models":
		return route{action: showModels}
	case "live":
		return route{action: showLiveEvents}
	case "session":
		return route{action: showSession}
	}
	if name, ok := strings.CutPrefix(rest, "models/"); ok {
		if name, ok := strings.CutSuffix(name, "/traffic"); ok {
			return named(setTraffic, name)
		}
	}
	return route{}
}

// belowParams returns the route to the registry. The path is passed on, the model's
// name in it as in all others.
func belowParams(path string) route {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return route{}
		}
	}
	if len(parts) > 1 {
		parts[1] = strings.ReplaceAll(parts[1], "_", "-")
	}
	return route{action: askRegistry, path: "/" + strings.Join(parts, "/")}
}

// upstream is the path that a model, or the registry, serves the route under.
func (r route) upstream() string {
	switch r.action {
	case askRegistry:
		return r.path
	case describeModel:
		return "/v1/models/" + r.name
	case predictV1:
		return "/v1/models/" + r.name + ":predict"
	case evaluate:
		return "/evaluate"
	default:
		return "/predict"
	}
}

// method is the one method that the route takes. A route for GET takes HEAD too; one
// to the registry takes any, and the registry decides.
func (r route) method() string {
	switch r.action {
	case predict, predictV1, evaluate, setTraffic:
		return http.MethodPost
	default:
		return http.MethodGet
	}
}

// asksToken reports whether what the route leads to may ask for a token.
func (r route) asksToken() bool { return r.action == askRegistry || r.action == evaluate }

// takes reports whether the route takes a method.
func (r route) takes(method string) bool {
	return r.action == askRegistry || method == r.method() || method == http.MethodHead && r.method() == http.MethodGet
}
