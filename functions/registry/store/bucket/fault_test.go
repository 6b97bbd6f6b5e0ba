package bucket_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "gocloud.dev/blob/azureblob" // the drivers of the tests
	_ "gocloud.dev/blob/gcsblob"

	"github.com/modelfn/modelfn/functions/registry/store"
	"github.com/modelfn/modelfn/functions/registry/store/bucket"
	"github.com/modelfn/modelfn/functions/registry/store/storetest"
	"github.com/modelfn/modelfn/functions/registry/store/versitygw"
)

// proxy stands before a real server and spoils what fault tells it to: fault is
// asked about each request, and answers it itself or with forward, which passes it
// on. nil passes all on.
type proxy struct {
	fault atomic.Pointer[func(w http.ResponseWriter, r *http.Request, forward http.Handler)]
}

func (p *proxy) set(fault func(w http.ResponseWriter, r *http.Request, forward http.Handler)) {
	p.fault.Store(&fault)
}

// newProxy returns a proxy, and a bucket behind it with version 1 of a model.
func newProxy(t *testing.T, timeout time.Duration) (*proxy, *bucket.Bucket) {
	t.Helper()
	gateway := versitygw.Start(t)
	direct, err := url.Parse(gateway.NewBucket(t))
	require.NoError(t, err)
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: gateway.Address})
		r.Out.Host = r.In.Host // it is signed
	}}
	p := new(proxy)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := p.fault.Load(); fault != nil {
			(*fault)(w, r, forward)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b := open(t, bucket.Config{URL: versitygw.URL(direct.Host, server.Listener.Addr().String()), Timeout: timeout})
	require.Eventually(t, func() bool { // a machine that is busy may take longer than the timeout
		err := store.New(b).Append(t.Context(), model, 1, []byte("first"))
		return err == nil || errors.Is(err, store.ErrConflict)
	}, time.Minute, 10*time.Millisecond)
	return p, b
}

const model = "model-z" // none of those of a linearizable history

// first makes a fault that befalls the first n writes, and none after.
func first(n int64, fault func(w http.ResponseWriter, r *http.Request, forward http.Handler)) func(http.ResponseWriter, *http.Request, http.Handler) {
	var writes atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if r.Method == http.MethodPut && writes.Add(1) <= n {
			fault(w, r, forward)
			return
		}
		forward.ServeHTTP(w, r)
	}
}

func answer(status int, code string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>of the test</Message></Error>")
	}
}

// lose passes a request on and breaks the connection instead of answering.
func lose(_ http.ResponseWriter, r *http.Request, forward http.Handler) {
	forward.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// hang passes a request on and never answers.
func hang(_ http.ResponseWriter, r *http.Request, forward http.Handler) {
	forward.ServeHTTP(httptest.NewRecorder(), r)
	<-r.Context().Done()
}

// TestFaultsThatPass: the write is made, once, and the writer is told so.
func TestFaultsThatPass(t *testing.T) {
	for name, fault := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"another write under way":   answer(http.StatusConflict, "ConditionalRequestConflict"),
		"too many requests":         answer(http.StatusServiceUnavailable, "SlowDown"),
		"an error of the server":    answer(http.StatusInternalServerError, "InternalError"),
		"refused, but not by one":   answer(http.StatusPreconditionFailed, "PreconditionFailed"),
		"written, the answer lost":  lose,
		"written, no answer at all": hang,
	} {
		t.Run(name, func(t *testing.T) {
			p, b := newProxy(t, 2*time.Second)
			s := store.New(b)
			p.set(first(1, fault))
			require.NoError(t, s.Append(t.Context(), model, 2, []byte("second")))
			head, err := s.Head(t.Context(), model)
			require.NoError(t, err)
			require.EqualValues(t, 2, head)
			data, err := s.Get(t.Context(), model, 2)
			require.NoError(t, err)
			require.Equal(t, "second", string(data))
		})
	}
}

// TestFaultsThatStay: all calls say that the store is not available, in time, and
// none takes a fault for a version that is not there.
func TestFaultsThatStay(t *testing.T) {
	for name, fault := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"no permission":     answer(http.StatusForbidden, "AccessDenied"),
		"no bucket":         answer(http.StatusNotFound, "NoSuchBucket"),
		"another server":    answer(http.StatusNotFound, "what?"),
		"redirected":        answer(http.StatusMovedPermanently, "PermanentRedirect"),
		"too many requests": answer(http.StatusServiceUnavailable, "SlowDown"),
		"hanging":           hang,
		"broken off": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			if r.Method != http.MethodGet {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "half of")
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, b := newProxy(t, 300*time.Millisecond)
			s := store.New(b)
			p.set(fault)
			calls := map[string]func(context.Context) error{
				"Head":   func(ctx context.Context) error { _, err := s.Head(ctx, model); return err },
				"Get":    func(ctx context.Context) error { _, err := s.Get(ctx, model, 1); return err },
				"Models": func(ctx context.Context) error { _, err := s.Models(ctx); return err },
				"Append": func(ctx context.Context) error { return s.Append(ctx, model, 2, []byte("second")) },
			}
			for call, do := range calls {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				require.ErrorIs(t, do(ctx), store.ErrUnavailable, call)
				require.NoError(t, ctx.Err(), "%s waited for its caller's time to end", call)
			}
		})
	}
}

// TestCancelledWhileWaiting: a caller's own end ends the call.
func TestCancelledWhileWaiting(t *testing.T) {
	p, b := newProxy(t, time.Hour)
	s := store.New(b)
	ctx, cancel := context.WithCancel(t.Context())
	p.set(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		cancel()
		hang(w, r, forward)
	})
	_, err := s.Head(ctx, model)
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorIs(t, err, context.Canceled)
}

// TestBucketThatOverwrites: a server that does not know If-None-Match is not used,
// not even for reading.
func TestBucketThatOverwrites(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "any")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "any")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
	}))
	defer server.Close()
	b := open(t, bucket.Config{URL: versitygw.URL("any", server.Listener.Addr().String())})
	for range 2 {
		require.ErrorContains(t, b.Create(t.Context(), "params/model-a/1", nil), "overwrites")
		_, err := b.Get(t.Context(), "params/model-a/1")
		require.ErrorContains(t, err, "overwrites")
		require.ErrorIs(t, err, store.ErrUnavailable)
	}
}

func TestClosed(t *testing.T) {
	b := open(t, bucket.Config{URL: versitygw.Start(t).NewBucket(t)})
	require.NoError(t, b.Close())
	require.ErrorIs(t, b.Create(t.Context(), "params/model-a/1", nil), store.ErrUnavailable)
	require.NoError(t, b.Close())
}

func TestOpenNeedsADriver(t *testing.T) {
	_, err := bucket.Open(t.Context(), bucket.Config{URL: "floppy://a"})
	require.ErrorContains(t, err, "floppy")
}

// TestOtherServices: what Google and Azure answer is told apart as it is with S3.
// There is no server of theirs to test with; these are their documented answers.
func TestOtherServices(t *testing.T) {
	type reply struct {
		status     int
		code, body string
	}
	services := map[string]struct {
		url     func(host string) string
		env     map[string]string
		refused reply
		missing reply
		others  map[string]reply
	}{
		"google": {
			url:     func(string) string { return "gs://bucket" },
			env:     map[string]string{"STORAGE_EMULATOR_HOST": "HOST"},
			refused: reply{http.StatusPreconditionFailed, "", `{"error":{"code":412,"message":"conditionNotMet"}}`},
			missing: reply{http.StatusNotFound, "", `<Error><Code>NoSuchKey</Code></Error>`},
			others: map[string]reply{
				"no permission": {http.StatusForbidden, "", `{"error":{"code":403,"message":"denied"}}`},
				"a bad request": {http.StatusBadRequest, "", `{"error":{"code":400,"message":"bad"}}`},
			},
		},
		"azure": {
			url: func(host string) string {
				return "azblob://container?protocol=http&localemu=true&domain=" + url.QueryEscape(host)
			},
			env:     map[string]string{"AZURE_STORAGE_ACCOUNT": "account", "AZURE_STORAGE_KEY": "a2V5"},
			refused: reply{http.StatusConflict, "BlobAlreadyExists", ""},
			missing: reply{http.StatusNotFound, "BlobNotFound", ""},
			others: map[string]reply{
				"no container":  {http.StatusNotFound, "ContainerNotFound", ""},
				"no permission": {http.StatusForbidden, "AuthorizationFailure", ""},
			},
		},
	}
	for name, service := range services {
		t.Run(name, func(t *testing.T) {
			var now atomic.Pointer[reply]
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				answer := now.Load()
				if r.Method != http.MethodGet {
					answer = &service.refused
				}
				if answer.code != "" {
					w.Header().Set("x-ms-error-code", answer.code)
				}
				w.WriteHeader(answer.status)
				_, _ = io.WriteString(w, answer.body)
			}))
			defer server.Close()
			host := server.Listener.Addr().String()
			for key, value := range service.env {
				if value == "HOST" {
					value = host
				}
				t.Setenv(key, value)
			}
			b := open(t, bucket.Config{URL: service.url(host)})
			require.ErrorIs(t, b.Create(t.Context(), "params/model-a/1", nil), store.ErrExists)
			now.Store(&service.missing)
			_, err := b.Get(t.Context(), "params/model-a/1")
			require.ErrorIs(t, err, store.ErrNotFound)
			for name, reply := range service.others {
				now.Store(&reply)
				_, err := b.Get(t.Context(), "params/model-a/1")
				require.ErrorIs(t, err, store.ErrUnavailable, name)
			}
		})
	}
}

// TestLinearizable, with answers that are lost, late or refused.
func TestLinearizable(t *testing.T) {
	p, b := newProxy(t, 500*time.Millisecond)
	p.set(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		switch rand.IntN(20) {
		case 0:
			lose(w, r, forward)
		case 1:
			hang(w, r, forward)
		case 2:
			answer(http.StatusServiceUnavailable, "SlowDown")(w, r, forward)
		case 3:
			answer(http.StatusConflict, "ConditionalRequestConflict")(w, r, forward)
		default:
			forward.ServeHTTP(w, r)
		}
	})
	stores := []*store.Store{store.New(b), store.New(b), store.New(b)}
	storetest.Linearizable(t, 12, 25, func(client int) *store.Store { return stores[client%len(stores)] })
}
