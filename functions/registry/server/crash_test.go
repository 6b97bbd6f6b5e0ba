package server

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/frameworktest"
)

// TestKill ends the program as a crash does, a hundred times, while several clients
// write. What was acknowledged is there, once, under the number that was told; there
// is no hole and nothing torn; and the program serves again at once. All the time
// replicas answer, each time exactly as the params do that the answer names, and in
// the end they have the last ones.
func TestKill(t *testing.T) {
	const kills, writers = 100, 6
	folder := t.TempDir()
	p := start(t, folder)
	d, err := frameworktest.Scale.Describe()
	require.NoError(t, err)
	first := p.do("PUT", "/params/scale", fmt.Sprintf(`{"params":{"factor":0},"message":"the first","schema":%s}`, d.Schema))
	require.Equal(t, http.StatusCreated, first.status, first.body)
	replicas := []*follower{follow(t, p.url), follow(t, p.url)}
	acknowledged := make(map[int64]string) // messages by version
	var mu sync.Mutex                      // guards acknowledged
	for round := range kills {
		ctx, crash := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() {
				for i := 0; ; i++ {
					message := fmt.Sprintf("round %d, writer %d, write %d", round, w, i)
					r, err := p.try(ctx, "PUT", "/params/scale", fmt.Sprintf(`{"params":{"factor":%d},"message":%q}`, 1+w+writers*(i+1000*round), message), "Idempotency-Key", message)
					if err != nil {
						return // it was killed
					}
					if !assert.Equal(t, http.StatusCreated, r.status, r.body) {
						return
					}
					v := r.doc(t).Version
					mu.Lock()
					assert.Empty(t, acknowledged[v], "version %d was given twice", v)
					acknowledged[v] = message
					enough := len(acknowledged) >= 8*(round+1)
					mu.Unlock()
					if enough && w == round%writers { // in the middle of others' writes
						_ = p.cmd.Process.Kill()
					}
				}
			})
		}
		group.Wait()
		crash()
		p.kill() // if that has not been done, something is wrong already
		p.begin()
		p.serves()
	}
	history := p.history("scale")
	for _, r := range replicas {
		r.agrees(history)
	}
	seen := map[string]int{}
	for _, d := range history {
		seen[d.Message]++
		require.Equal(t, 1, seen[d.Message], "%s was written twice", d.Message)
	}
	for v, message := range acknowledged {
		require.Equal(t, message, history[v-1].Message)
	}
	require.GreaterOrEqual(t, len(acknowledged), 8*kills)
	t.Logf("%d writes acknowledged, %d in the history, %d kills", len(acknowledged)+1, len(history), kills)

	// What was cut short has left temporary files, and nothing else.
	entries, err := os.ReadDir(filepath.Join(folder, "params", "scale"))
	require.NoError(t, err)
	require.Len(t, entries, len(history))
}
