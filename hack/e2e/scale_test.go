//go:build e2e

package e2e

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A function without requests goes to zero, and the first request finds it there. Of
// many that come at once, each is answered.
func TestFromZero(t *testing.T) {
	revision := deploy(t, "model-b", soon) // of its own, and without requests before
	atZero(t, revision)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			a, err := predict(t.Context(), host("model-b"), patient)
			if assert.NoError(t, err) {
				assert.Equal(t, http.StatusOK, a.status, a.body)
			}
		})
	}
	all.Wait()
	require.NotEmpty(t, pods(t, "revision", revision))
}

// Under load a function gets more replicas, and without it none.
func TestScaleOutAndBack(t *testing.T) {
	revision := deploy(t, "model-b", "scale: {metric: rps, target: 10, max: 3, windowSeconds: 6}")
	l := startLoad(t, host("model-b"), 4)
	eventually(t, "three replicas under load", func() bool { return len(pods(t, "revision", revision)) == 3 })
	l.stop(t)
	l.allOK(t)
	atZero(t, revision)
}
