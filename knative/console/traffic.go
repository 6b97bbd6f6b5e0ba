package console

import (
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/schema"
	"github.com/modelfn/modelfn/knative/console/live"
)

// setTraffic changes a model's split of traffic.
func (g *Gateway) setTraffic(w http.ResponseWriter, r *http.Request, model string) {
	if g.manager == nil {
		g.fail(w, r, fault.New(fault.NotFound, "the models here have no revisions"))
		return
	}
	owner, err := g.owner(r)
	if err != nil {
		g.fail(w, r, fault.From(err))
		return
	}
	change, err := g.readSplit(w, r)
	if err == nil && g.discovery.Models()[model] == nil {
		err = fault.New(fault.NotFound, "no such model")
	}
	if err != nil {
		g.fail(w, r, fault.From(err))
		return
	}
	change.By = owner
	now, former, err := g.manager.SetTraffic(r.Context(), model, change)
	if f := fault.From(err); err != nil && (f.Kind != fault.Precondition || now.ETag == "") {
		g.fail(w, r, f)
		return
	} else if err != nil {
		answerJSON(w, f.Kind.Status(), SplitChanged{Split: now, Error: f.Public()})
		return
	}
	g.log.Info("traffic changed", "of", model, "by", owner, "traffic", fmt.Sprint(now.Traffic))
	answerJSON(w, http.StatusOK, SplitChanged{Split: now, Former: former})
}

// readSplit reads and checks the body.
func (g *Gateway) readSplit(w http.ResponseWriter, r *http.Request) (SplitChange, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return SplitChange{}, fault.New(fault.MediaType, "this route takes application/json")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return SplitChange{}, fault.New(fault.MediaType, "the Content-Encoding %q is not taken: send the body as it is", encoding)
	}
	body, err := g.readBody(w, r)
	if err != nil {
		return SplitChange{}, err
	}
	defer g.bodies.free(body)
	change, err := schema.Decode[SplitChange](body)
	if err != nil {
		return SplitChange{}, err
	}
	change.IfMatch = strings.Trim(r.Header.Get("If-Match"), `"`)
	return change, change.check()
}

// mostShares is how many revisions a split may name.
const mostShares = 100

// check reports all that is wrong with a change, as far as that can be said without
// knowing the revisions.
func (c *SplitChange) check() error {
	var p fault.Problems
	if c.IfMatch == "" {
		p.Add("If-Match", "missing: this header is the etag of the split that is changed")
	}
	if n := len(c.Traffic); n == 0 || n > mostShares {
		p.Add("traffic", "%d revisions; there have to be 1 to %d", n, mostShares)
		return p.Err()
	}
	sum := 0
	tags, revisions := map[string]bool{}, map[string]bool{}
	for i, share := range c.Traffic {
		at := fmt.Sprintf("traffic[%d]", i)
		switch {
		case share.Revision == "":
			p.Add(at+".revision", "empty")
		case revisions[share.Revision]:
			p.Add(at+".revision", "%q is there twice", share.Revision)
		}
		revisions[share.Revision] = true
		sum += share.Percent
		for j, tag := range share.Tags {
			switch {
			case !params.IsName(tag):
				p.Add(fmt.Sprintf("%s.tags[%d]", at, j), "%q is not a tag: it takes a-z, 0-9 and -, from a letter on", tag)
			case tags[tag]:
				p.Add(fmt.Sprintf("%s.tags[%d]", at, j), "%q is there twice", tag)
			}
			tags[tag] = true
		}
	}
	if sum != 100 {
		p.Add("traffic", "the percents add up to %d, and not to 100", sum)
	}
	return p.Err()
}

// written makes what was written show at once.
func (g *Gateway) written(path string) {
	g.asked.stale.Store(true)
	if w, ok := g.live.Source().(*watch); ok {
		parts := strings.Split(path, "/") // "", params, model, …
		model := ""
		if len(parts) > 2 {
			model = parts[2]
		}
		w.poke(model)
	}
}

// refuseStream answers whoever gets no live stream.
func (g *Gateway) refuseStream(w http.ResponseWriter, r *http.Request) {
	g.fail(w, r, fault.Away(live.ComeBack, nil, "there are too many live streams, or the gateway ends"))
}
