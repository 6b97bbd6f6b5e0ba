package console

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
)

// promise is a body of which nothing comes. It notes how much room there was for it.
type promise struct{ room int }

func (p *promise) Read(b []byte) (int, error) {
	p.room = len(b)
	return 0, io.ErrUnexpectedEOF
}

// Who says that a large body is to come gets no memory for it before it comes.
func TestPromisedBody(t *testing.T) {
	t.Parallel()
	g := &Gateway{maxBody: 1 << 20, bodies: bodies{most: 4 << 20}}
	for _, length := range []int64{1, 1 << 20, -1} {
		body := &promise{}
		r := httptest.NewRequest(http.MethodPost, "/", body)
		r.ContentLength = length
		_, err := g.readBody(httptest.NewRecorder(), r)
		require.EqualError(t, err, "the body did not arrive whole: unexpected EOF")
		require.Less(t, body.room, 128<<10)
		require.Zero(t, g.bodies.held.Load())
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("1", 1<<20+1)))
	r.ContentLength = -1
	_, err := g.readBody(httptest.NewRecorder(), r)
	require.Equal(t, fault.TooLarge, fault.From(err).Kind)
	require.Zero(t, g.bodies.held.Load())

	whole := strings.Repeat("1", 300_000)
	for _, length := range []int64{int64(len(whole)), -1} {
		r := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(strings.NewReader(whole)))
		r.ContentLength = length
		body, err := g.readBody(httptest.NewRecorder(), r)
		require.NoError(t, err)
		require.Equal(t, whole, string(body))
		require.Less(t, cap(body), 2*len(whole))
		require.EqualValues(t, cap(body), g.bodies.held.Load())
		g.bodies.free(body)
		require.Zero(t, g.bodies.held.Load())
	}
}

// Bodies that are being sent hold no more memory together than there is for them; small
// ones are taken all the same.
func TestBodiesAtOnce(t *testing.T) {
	t.Parallel()
	const large = 200_000
	g := &Gateway{maxBody: 1 << 20, bodies: bodies{most: 1 << 20}}
	read := func(in io.Reader, length int64) ([]byte, error) {
		r := httptest.NewRequest(http.MethodPost, "/", in)
		r.ContentLength = length
		return g.readBody(httptest.NewRecorder(), r)
	}
	var senders []*io.PipeWriter
	arrived := make(chan []byte)
	for _, length := range []int64{large, large, -1} {
		in, out := io.Pipe()
		go func() {
			body, err := read(in, length)
			assert.NoError(t, err)
			arrived <- body
		}()
		_, err := out.Write(make([]byte, large-1)) // it is read when this returns
		require.NoError(t, err)
		senders = append(senders, out)
	}
	for _, length := range []int64{large, -1} {
		_, err := read(strings.NewReader(strings.Repeat("1", large)), length)
		f := fault.From(err)
		require.Equal(t, fault.Unavailable, f.Kind, f.Error())
		require.Equal(t, time.Second, f.RetryAfter)
	}
	small, err := read(strings.NewReader("{}"), 2)
	require.NoError(t, err)
	require.Equal(t, "{}", string(small))
	g.bodies.free(small)
	for _, out := range senders {
		_, err := out.Write([]byte("1"))
		require.NoError(t, err)
		require.NoError(t, out.Close())
		body := <-arrived
		require.Len(t, body, large)
		g.bodies.free(body)
	}
	require.Zero(t, g.bodies.held.Load())
	_, err = read(strings.NewReader(strings.Repeat("1", large)), large)
	require.NoError(t, err)
}

// deadlines notes until when a request may be read.
type deadlines struct {
	*httptest.ResponseRecorder
	read time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.read = t
	return nil
}

// only are the models of a discovery; there is no registry.
type only map[string]*Model

func (o only) Models() map[string]*Model { return o }

func (only) Registry() *Model { return nil }

// What was answered makes room for others, whoever answered it.
func TestBodiesAreFreed(t *testing.T) {
	t.Parallel()
	model := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer model.Close()
	at, err := url.Parse(model.URL)
	require.NoError(t, err)
	g, err := New(Config{Discovery: only{"model-a": {Instances: []*url.URL{at}}, "model-b": {}}, Patience: time.Millisecond})
	require.NoError(t, err)
	defer g.Close()
	for path, status := range map[string]int{"/model-a/predict": 200, "/model-b/predict": 503} {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(strings.Repeat("1", 300_000))))
		require.Equal(t, status, w.Code)
		require.Zero(t, g.bodies.held.Load())
	}
}

func TestBodyTimeout(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]time.Duration{time.Second: time.Second, time.Minute: 20 * time.Second} {
		g, err := New(Config{Discovery: only{}, Timeout: timeout})
		require.NoError(t, err)
		defer g.Close()
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		before := time.Now()
		g.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/model-a/predict", strings.NewReader("{}")))
		require.WithinRange(t, w.read, before.Add(want), time.Now().Add(want))
	}
}
