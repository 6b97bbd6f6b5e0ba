package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/telemetry"
)

// recorder is a writer that keeps each write apart.
type recorder struct {
	mu     sync.Mutex
	writes []string
	err    error // what the next writes fail with
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0, r.err
	}
	r.writes = append(r.writes, string(p))
	return len(p), nil
}

func (r *recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// lines returns the lines that were written, each decoded, and holds that no
// write has part of one.
func (r *recorder) lines(t *testing.T) []map[string]any {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []map[string]any
	for _, w := range r.writes {
		require.True(t, strings.HasSuffix(w, "\n"), "a write ends with a line: %q", w)
		for text := range strings.Lines(w) {
			var line map[string]any
			require.NoError(t, json.Unmarshal([]byte(text), &line), text)
			lines = append(lines, line)
		}
	}
	return lines
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.writes)
}

func TestLogLine(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLog(&out, slog.LevelInfo, slog.String("model", "model-a"))
	log.Debug("not written")
	log.With("revision", "r1").WithGroup("request").Info("done", "status", 200)
	require.NoError(t, log.Close())

	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	assert.True(t, strings.HasSuffix(line["time"].(string), "Z"), "times are in UTC: %v", line["time"])
	at, err := time.Parse(time.RFC3339Nano, line["time"].(string))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), at, time.Minute)
	delete(line, "time")
	assert.Equal(t, map[string]any{
		"level": "INFO", "msg": "done", "model": "model-a", "revision": "r1", "request": map[string]any{"status": 200.},
	}, line)
}

func TestTimesAreInUTCEverywhere(t *testing.T) {
	local := time.Local
	t.Cleanup(func() { time.Local = local })
	time.Local = time.FixedZone("somewhere", 5*3600)
	var out recorder
	log := telemetry.NewLog(&out, slog.LevelInfo)
	log.Info("x")
	require.NoError(t, log.Close())
	assert.True(t, strings.HasSuffix(out.lines(t)[0]["time"].(string), "Z"))
}

func TestLogWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out recorder
		log := telemetry.NewLog(&out, slog.LevelInfo)

		log.Info("1")
		log.Info("2")
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		assert.Zero(t, out.count(), "lines wait")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		assert.Equal(t, 1, out.count(), "for 100 ms, and are written together")
		assert.Len(t, out.lines(t), 2)

		time.Sleep(time.Hour)
		assert.Equal(t, 1, out.count(), "nothing is written when there is nothing")

		log.Info("3")
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		assert.Len(t, out.lines(t), 3, "the next line waits as long")

		log.Info("4")
		log.Warn("5")
		assert.Len(t, out.lines(t), 5, "a warning is written at once, with what came before it")
		log.With("a", 1).WithGroup("g").Error("6")
		assert.Len(t, out.lines(t), 6, "an error too, and from a logger that was derived")

		log.Info("7")
		require.NoError(t, log.Close())
		assert.Len(t, out.lines(t), 7, "closing writes what is left")
		require.NoError(t, log.Close())

		log.Info("8")
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Len(t, out.lines(t), 8, "a closed log still writes")
		for i, line := range out.lines(t) {
			assert.Equal(t, strconv.Itoa(i+1), line["msg"], "lines are in order")
		}
	})
}

func TestLogIsWrittenWhenThereIsALotOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out recorder
		log := telemetry.NewLog(&out, slog.LevelInfo)
		long := strings.Repeat("x", 1000)
		for range 100 {
			log.Info(long)
		}
		assert.Positive(t, out.count(), "at 32 KiB it does not wait for the time")
		assert.Less(t, out.count(), 10, "nor does it write each line")
		log.Info(strings.Repeat("y", 1<<20))
		assert.Len(t, out.lines(t), 101, "a line that is longer than that is written whole")
		require.NoError(t, log.Close())
	})
}

func TestLogOfManyWriters(t *testing.T) {
	var out recorder
	log := telemetry.NewLog(&out, slog.LevelInfo)
	const writers, each = 16, 500
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				level := slog.LevelInfo
				if i%97 == 0 {
					level = slog.LevelWarn
				}
				log.Log(context.Background(), level, "line", "writer", w, "i", i, "text", strings.Repeat("z", i))
			}
		})
	}
	all.Wait()
	require.NoError(t, log.Close())
	next := make([]float64, writers)
	lines := out.lines(t)
	require.Len(t, lines, writers*each)
	for _, line := range lines {
		w := int(line["writer"].(float64))
		require.InDelta(t, next[w], line["i"], 0, "the lines of one writer are in its order")
		require.Len(t, line["text"], int(next[w]))
		next[w]++
	}
}

func TestLogWhoseWriterFails(t *testing.T) {
	var out recorder
	log := telemetry.NewLog(&out, slog.LevelInfo)
	full := errors.New("no space left")
	out.fail(full)
	log.Info("lost")
	require.ErrorIs(t, log.Close(), full)
	log.Error("lost too")
	require.NoError(t, log.Close(), "lines are lost, and do not pile up")

	out.fail(nil)
	log.Info("written")
	require.NoError(t, log.Close())
	require.Len(t, out.lines(t), 1)
}

// TestASlowWriterHoldsTheLogUp holds that lines do not pile up without end before
// a writer that does not come after.
func TestASlowWriterHoldsTheLogUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		log := telemetry.NewLog(w, slog.LevelInfo)
		long := strings.Repeat("x", 1000)
		logged := 0
		go func() {
			for range 1000 {
				log.Info(long)
				logged++
			}
			_ = log.Close()
			_ = w.Close()
		}()
		synctest.Wait()
		assert.Less(t, logged, 100, "the writer of lines waits for the reader")
		all, err := io.ReadAll(r)
		require.NoError(t, err)
		assert.Equal(t, 1000, bytes.Count(all, []byte("\n")))
	})
}

func BenchmarkLog(b *testing.B) {
	log := telemetry.NewLog(io.Discard, slog.LevelInfo, slog.String("model", "model-a"))
	b.ReportAllocs()
	for b.Loop() {
		log.LogAttrs(context.Background(), slog.LevelInfo, "request", slog.String("route", "predict"), slog.Int("status", 200), slog.Float64("ms", 0.25))
	}
}
