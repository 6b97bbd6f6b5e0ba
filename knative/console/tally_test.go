package console

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTally(t *testing.T) {
	t.Parallel()
	var all tallies
	at := time.Unix(1_000_000_000, 0)
	for i := range 100 {
		all.of("model-a").add(at, time.Duration(i+1)*time.Millisecond, i < 3, []string{"one", "two"}[i%2])
	}
	all.of("model-a").add(at.Add(time.Second), time.Hour, false, "")
	all.of("model-b").add(at.Add(-3*time.Second), 0, false, "")

	s := all.stats(at.Unix())
	require.Len(t, s.Models, 2)
	a := s.Models["model-a"]
	assert.Equal(t, 100, a.Requests)
	assert.Equal(t, 3, a.Errors)
	assert.Equal(t, map[string]int{"one": 50, "two": 50}, a.Revisions)
	assert.InEpsilon(t, 50, *a.P50, 0.1)
	assert.InEpsilon(t, 99, *a.P99, 0.1)
	b := s.Models["model-b"]
	assert.Zero(t, b.Requests, "its requests came before")
	assert.Less(t, *b.P99, 0.06)

	next := all.stats(at.Unix() + 1).Models["model-a"]
	assert.Equal(t, 1, next.Requests)
	assert.Nil(t, next.Revisions)
	assert.Greater(t, *next.P99, 90.0, "the seconds before count")
	assert.Empty(t, all.stats(at.Unix()+6).Models)

	history := all.history(at.Add(10 * time.Second))
	require.Len(t, history, 9, "three seconds before, and five after the last request")
	assert.Equal(t, at.Unix()-3, history[0].At)
	require.Empty(t, all.history(at.Add(70*time.Second)))
	all.of("model-a").add(at.Add(66*time.Second), time.Millisecond, false, "")
	assert.Equal(t, 1, all.stats(at.Unix() + 66).Models["model-a"].Requests, "a place is used again")
}

// A model that claims many revisions takes no more memory for it.
func TestTallyOfManyRevisions(t *testing.T) {
	t.Parallel()
	var one tally
	now := time.Now()
	for i := range 1000 {
		one.add(now, time.Millisecond, false, string(rune('a'+i)))
	}
	s, ok := one.stats(now.Unix())
	require.True(t, ok)
	require.Len(t, s.Revisions, mostRevisions)
	require.Equal(t, 1000, s.Requests)
}

func TestGuesses(t *testing.T) {
	t.Parallel()
	var g guesses
	now := time.Now()
	for range mostMisses {
		require.Zero(t, g.wait("a", now))
		g.missed("a", now)
	}
	require.Equal(t, missesWithin, g.wait("a", now))
	require.Zero(t, g.wait("b", now), "others go on")
	require.Zero(t, g.wait("a", now.Add(missesWithin)))
	g.missed("a", now.Add(missesWithin))
	require.Zero(t, g.wait("a", now.Add(missesWithin)), "it begins anew")
	for i := range 3 * mostAddresses {
		g.missed(string(rune(i)), now)
	}
	require.LessOrEqual(t, len(g.from), mostAddresses)
}
