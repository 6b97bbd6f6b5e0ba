package console

import (
	"math"
	"sync"
	"time"
)

// tally counts a model's predictions, second by second, for the last minute. It
// always counts, so that a page that is opened shows what was.
type tally struct {
	mu      sync.Mutex // guards seconds
	seconds [remembered + timesOver + 1]second
}

const (
	remembered    = 60 // seconds that are shown
	timesOver     = 5  // seconds that a percentile is taken over
	mostRevisions = 16 // that are told apart within a second
)

// second is what came in one second; at says which one.
type second struct {
	at        int64
	requests  int
	errors    int
	times     [slots]uint32
	revisions map[string]int
}

// Times are counted in slots that grow by a fourth of an octave, from firstSlot on:
// what is read from them is at most 9 % off.
const (
	slots     = 96
	perOctave = 4
	firstSlot = 50e-6 // seconds
)

func slotOf(took time.Duration) int {
	s := took.Seconds() / firstSlot
	if s <= 1 {
		return 0
	}
	return min(slots-1, int(math.Ceil(perOctave*math.Log2(s))))
}

// upTo is the longest time in a slot, in milliseconds.
func upTo(slot int) float64 { return 1e3 * firstSlot * math.Exp2(float64(slot)/perOctave) }

// add counts an answer.
func (t *tally) add(now time.Time, took time.Duration, failed bool, revision string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := now.Unix()
	s := &t.seconds[at%int64(len(t.seconds))]
	if s.at != at {
		*s = second{at: at}
	}
	s.requests++
	if failed {
		s.errors++
	}
	s.times[slotOf(took)]++
	if revision == "" {
		return
	}
	if s.revisions == nil {
		s.revisions = map[string]int{}
	}
	if _, ok := s.revisions[revision]; ok || len(s.revisions) < mostRevisions {
		s.revisions[revision]++
	}
}

// stats returns what came in one second, which must be over; false if nothing did,
// nor in the seconds before.
func (t *tally) stats(at int64) (ModelStats, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var m ModelStats
	var times [slots]uint32
	count := uint32(0)
	for before := range int64(timesOver) {
		s := &t.seconds[(at-before)%int64(len(t.seconds))]
		if s.at != at-before {
			continue
		}
		if before == 0 {
			m.Requests, m.Errors = s.requests, s.errors
			if s.revisions != nil {
				m.Revisions = make(map[string]int, len(s.revisions))
				for name, n := range s.revisions {
					m.Revisions[name] = n
				}
			}
		}
		for i, n := range s.times {
			times[i] += n
			count += n
		}
	}
	if count == 0 {
		return m, false
	}
	m.P50, m.P99 = percentile(&times, count, 0.5), percentile(&times, count, 0.99)
	return m, true
}

// percentile returns a time in milliseconds that a share of all does not exceed.
func percentile(times *[slots]uint32, count uint32, share float64) *float64 {
	rank := uint32(math.Ceil(share * float64(count)))
	for i, n := range times {
		if rank <= n {
			low := 0.0
			if i > 0 {
				low = upTo(i - 1)
			}
			ms := low + (upTo(i)-low)*float64(rank)/float64(n)
			return &ms
		}
		rank -= n
	}
	return nil
}

// tallies are the tallies of the models that were asked.
type tallies struct{ byModel sync.Map } // name → *tally

// of returns the tally of a model that there is.
func (t *tallies) of(model string) *tally {
	if one, ok := t.byModel.Load(model); ok {
		return one.(*tally)
	}
	one, _ := t.byModel.LoadOrStore(model, &tally{})
	return one.(*tally)
}

// stats returns what came in one second.
func (t *tallies) stats(at int64) Stats {
	all := Stats{At: at, Models: map[string]ModelStats{}}
	t.byModel.Range(func(name, one any) bool {
		if m, ok := one.(*tally).stats(at); ok {
			all.Models[name.(string)] = m
		}
		return true
	})
	return all
}

// history returns what came in the seconds up to now, the oldest first, those left
// out in which nothing did.
func (t *tallies) history(now time.Time) []Stats {
	seconds := []Stats{}
	for at := now.Unix() - remembered; at < now.Unix(); at++ {
		if s := t.stats(at); len(s.Models) > 0 {
			seconds = append(seconds, s)
		}
	}
	return seconds
}
