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
)

// TestKill ends the program as a crash does, a hundred times, while several clients
// write. What was acknowledged is there, once, under the number that was told; there
// is no hole and nothing torn; and the program serves again at once.
func TestKill(t *testing.T) {
	const kills, writers = 100, 6
	folder := t.TempDir()
	p := start(t, folder).known()
	acknowledged := make(map[int64]string) // messages by version
	var mu sync.Mutex                      // guards acknowledged
	for round := range kills {
		ctx, crash := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() {
				for i := 0; ; i++ {
					message := fmt.Sprintf("round %d, writer %d, write %d", round, w, i)
					r, err := p.try(ctx, "PUT", "/params/model-a", `{"params":1,"message":"`+message+`"}`, "Idempotency-Key", message)
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
	history := p.history("model-a")
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
	entries, err := os.ReadDir(filepath.Join(folder, "params", "model-a"))
	require.NoError(t, err)
	require.Len(t, entries, len(history))
}
