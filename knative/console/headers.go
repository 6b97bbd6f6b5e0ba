package console

import (
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/telemetry"
)

// rewrite makes the model's request out of the client's. The proxy has taken out
// the headers that are for one hop only, and those that claim where the request
// comes from.
func rewrite(p *httputil.ProxyRequest) {
	call := callOf(p.In.Context())
	// The scheme and host are filled in for each attempt.
	p.Out.URL = &url.URL{Path: call.route.upstream(), RawQuery: p.Out.URL.RawQuery}
	p.Out.Host = ""
	h := p.Out.Header
	h.Del("Connection") // no model changes the protocol
	h.Del("Upgrade")
	h.Del("Expect") // the body is here already
	p.SetXForwarded()
	trace := telemetry.TraceOf(h)
	h.Del("Tracestate") // it belongs to a trace that may not be this one
	trace.Set(h)
	h.Del("Origin") // the gateway has checked it, and it is not the model's
	h.Del("Cookie") // it is for whoever stands in front of the gateway
	if !call.route.asksToken() {
		h.Del("Authorization") // a model that nobody asked for a token learns none
	}
	// Replicas ask the registry themselves. Who comes through here is none, and must not
	// appear among them.
	h.Del(params.ReplicaHeader)
	if call.repeats && !has(h, "Idempotency-Key") && !has(h, "X-Idempotency-Key") {
		// Named but empty it is not sent. It tells the transport that it may take
		// another connection when a kept one turns out to be closed.
		h["X-Idempotency-Key"] = nil
	}
	p.Out.ContentLength = int64(len(call.body))
	p.Out.TransferEncoding = nil
}

func has(h http.Header, name string) bool {
	_, ok := h[name]
	return ok
}

// answerPolicy makes an answer that a browser is led to, whatever its type, a document
// without the page's origin, which runs and loads nothing.
const answerPolicy = "sandbox; default-src 'none'"

// beyond are the headers of an answer that are about more than the answer: what a
// browser keeps or does for the whole origin, which is the page's, and where it goes.
var beyond = []string{
	"Accept-Ch", "Alt-Svc", "Clear-Site-Data", "Link", "Location", "Nel", "Refresh", "Report-To", "Reporting-Endpoints",
	"Service-Worker-Allowed", "Set-Cookie", "Strict-Transport-Security", "Www-Authenticate",
}

// confine makes headers those of an answer that speaks for itself alone. The registry is
// our own; a model is anybody's.
func confine(h http.Header, from route) {
	h.Set("Content-Security-Policy", answerPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	if from.action == askRegistry {
		return
	}
	for _, name := range beyond {
		h.Del(name)
	}
	maps.DeleteFunc(h, func(name string, _ []string) bool { return strings.HasPrefix(name, "Access-Control-") })
}

// finalOnly passes on no answer that comes before the answer, such as one with hints: its
// headers would be a model's own.
type finalOnly struct{ http.ResponseWriter }

// WriteHeader writes the status of the answer.
func (w finalOnly) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Unwrap is for [http.ResponseController].
func (w finalOnly) Unwrap() http.ResponseWriter { return w.ResponseWriter }
