package api

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modelfn/modelfn/framework/fault"
)

// maxWait is the longest that a request is held.
const maxWait = 30 * time.Second

// wanted reads how long a request may be held from its Prefer headers (RFC 7240,
// wait, in seconds); 0 if they say nothing of it.
func wanted(h http.Header) time.Duration {
	for preference := range strings.SplitSeq(strings.Join(h["Prefer"], ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
		value, _, _ = strings.Cut(value, ";") // its parameters
		seconds, err := strconv.Atoi(strings.Trim(value, `" `))
		if strings.EqualFold(name, "wait") && err == nil && seconds > 0 {
			return time.Duration(min(seconds, int(maxWait/time.Second))) * time.Second
		}
	}
	return 0
}

// shorten takes up to a fifth off a wait, so that those who began together do not
// come back together.
func shorten(wait time.Duration) time.Duration {
	return wait - time.Duration(rand.Float64()*float64(wait)/5)
}

// listed reports whether a list of entity tags, as in If-Match and If-None-Match,
// names one; "*" names each. A tag that something on the way has made weak counts
// if weak is true: a reader may be content with it, a writer not (RFC 9110, 8.8.3.2).
func listed(list, etag string, weak bool) bool {
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimSpace(tag)
		if weak {
			tag = strings.TrimPrefix(tag, "W/")
		}
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

// number reads a query parameter.
func number(query url.Values, name string, otherwise, least, most int64) (int64, error) {
	text := query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < least || v > most {
		return 0, fault.Field(name, "not a number from %d to %d", least, most)
	}
	return v, nil
}

// flag reads a query parameter that is true or false.
func flag(query url.Values, name string) (bool, error) {
	switch query.Get(name) {
	case "":
		return false, nil
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, fault.Field(name, "neither true nor false")
}

// only refuses query parameters beside those that a write knows: hold with a
// letter wrong must not publish.
func only(query url.Values, known ...string) error {
	var p fault.Problems
	for name := range query {
		if !slices.Contains(known, name) {
			p.Add(name, "unknown parameter")
		}
	}
	return p.Err()
}

// typed refuses a write that does not say that its body is JSON: a page of another
// site cannot say so without asking first.
func typed(h http.Header) error {
	if kind, _, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || kind != "application/json" {
		return fault.New(fault.MediaType, "the Content-Type has to be application/json")
	}
	return nil
}

// useOf returns the use that a request makes of its Idempotency-Key; nil if it has
// none. The version is not known yet.
func useOf(r *http.Request, body []byte) *use {
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		return nil
	}
	what := r.Method + " " + r.URL.RequestURI() + "\n" + r.Header.Get("If-Match") + "\n"
	if none := r.Header.Get("If-None-Match"); none != "" {
		what += none + "\n"
	}
	return &use{Key: digest([]byte(key)), Request: digest([]byte(what), body)}
}

// digest tells texts from each other.
func digest(texts ...[]byte) string {
	sum := sha256.New()
	for _, text := range texts {
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}
