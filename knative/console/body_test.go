package console

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
	g := &Gateway{maxBody: 1 << 20}
	for _, length := range []int64{1, 1 << 20, -1} {
		body := &promise{}
		r := httptest.NewRequest(http.MethodPost, "/", body)
		r.ContentLength = length
		_, err := g.readBody(httptest.NewRecorder(), r)
		require.EqualError(t, err, "the body did not arrive whole: unexpected EOF")
		require.Less(t, body.room, 128<<10)
	}
	whole := strings.Repeat("1", 300_000)
	for _, length := range []int64{int64(len(whole)), -1} {
		r := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(strings.NewReader(whole)))
		r.ContentLength = length
		body, err := g.readBody(httptest.NewRecorder(), r)
		require.NoError(t, err)
		require.Equal(t, whole, string(body))
	}
}
