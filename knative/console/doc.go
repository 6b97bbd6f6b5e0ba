// Package console is the one door for people: a gateway in front of every model, and
// the page, in one handler and on one origin.
//
//	POST /{model}/predict          to that model; model_a and model-a are the same
//	POST /{model}/evaluate         to that model, if the configuration allows it
//	GET  /v1/models                the names of all models
//	GET  /v1/models/{model}        that model's own answer
//	POST /v1/models/{model}:predict
//	     /params…                  to the registry
//	     /api/…                    what the page is told, and may ask for: see API.md
//	GET  /data/{dataset}           training data, for charts
//	GET  /health/live, /health/ready
//	GET  /, /assets/…              the page; for a program, / is a text of what is here
//
// # What the gateway adds
//
// A [Discovery] says which models there are, and where their instances and those
// of the registry answer; the gateway dials nothing else. Requests take turns among
// the instances of a model. A prediction changes nothing, so a request whose
// instance went away before it answered is sent to another one, and a request for a
// model that is just being started waits for it a moment. The same holds for what
// reads params, and for a write with an Idempotency-Key; another write is sent
// once. What is answered is passed back, headers included.
//
// A model is anybody's program, and answers on the page's origin. So it gets no cookie, and
// a token only to evaluate; of its headers those do not go on by which a browser keeps or
// does something for the whole origin, or goes elsewhere; and what a browser shows of any
// answer that is passed back runs nothing.
//
// A request that waits for new params is held for as long as the registry holds it,
// and answered at once when the gateway ends.
//
// # What the page is told
//
// A [Discovery] gives the models, the registry their params; one that is a [Manager]
// has revisions too, and can change their traffic. [ModelList] is both together, and
// the live stream tells of it when it changes, of new params, of the replicas as they
// take them, and of what the gateway itself counts. While nobody listens, the gateway
// counts its predictions and does nothing else.
//
// # Concurrency and testing
//
// A [Gateway] is an [http.Handler], safe for concurrent use; [Gateway.Close] may
// be called when its server has ended. Test it with a Discovery over servers of
// [net/http/httptest].
//
// On a listener without tokens, whoever listens puts the rules of
// [github.com/modelfn/modelfn/framework/serve.Loopback] in front.
package console
