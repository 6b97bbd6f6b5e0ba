package training

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

var taus = []float64{0.5, 0.1, 0.9, 1.0 / 3, 0.25, 0.03, 1e-6, 1 - 1e-6}

// kinds make a row with the bias last, and its target.
var kinds = []struct {
	name string
	row  func(r *rand.Rand, p int) ([]float64, float64)
}{
	{"normal", func(r *rand.Rand, p int) ([]float64, float64) {
		return numbers(r.NormFloat64, p), 100 * r.NormFloat64()
	}},
	{"integers that tie", func(r *rand.Rand, p int) ([]float64, float64) {
		return numbers(func() float64 { return float64(r.IntN(7) - 3) }, p), float64(r.IntN(4))
	}},
	{"yes or no", func(r *rand.Rand, p int) ([]float64, float64) {
		return numbers(func() float64 { return float64(r.IntN(2)) }, p), float64(r.IntN(2))
	}},
	{"one target but for a few", func(r *rand.Rand, p int) ([]float64, float64) {
		return numbers(r.NormFloat64, p), 42.1 + float64(r.IntN(20)/18)
	}},
	{"a plane", func(r *rand.Rand, p int) ([]float64, float64) {
		x := numbers(r.NormFloat64, p)
		return x, 0.3 + 2.7*x[0]
	}},
	{"a plane, nearly", func(r *rand.Rand, p int) ([]float64, float64) {
		x := numbers(r.NormFloat64, p)
		return x, 0.3 + 2.7*x[0] + math.Pow(10, -float64(10+r.IntN(6)))*r.NormFloat64()
	}},
	{"a plane, rounded", func(r *rand.Rand, p int) ([]float64, float64) {
		x := numbers(r.NormFloat64, p)
		return x, math.Round(1e8*(0.3+2.7*x[0])) / 1e8
	}},
	{"a plane but for a third", func(r *rand.Rand, p int) ([]float64, float64) {
		x := numbers(r.NormFloat64, p)
		return x, 0.3 + 2.7*x[0] + float64(r.IntN(3)/2)*r.NormFloat64()
	}},
	{"outliers", func(r *rand.Rand, p int) ([]float64, float64) {
		x := numbers(r.NormFloat64, p)
		x[0] /= r.Float64() + 1e-5
		return x, r.NormFloat64() / (r.Float64() + 1e-5)
	}},
}

func numbers(next func() float64, p int) []float64 {
	x := make([]float64, p)
	for j := range x {
		x[j] = next()
	}
	x[p-1] = 1
	return x
}

// each runs a test on random problems of every kind; each third row or so is there
// twice. Problems that do not determine the coefficients are left out.
func each(t *testing.T, count, most int, test func(t *testing.T, q *problem)) {
	t.Helper()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(most)))
			for k := range count {
				q := &problem{tau: taus[k%len(taus)]}
				p := 2 + r.IntN(3)
				for range p + r.IntN(most-p+1) {
					x, y := kind.row(r, p)
					q.x, q.y = append(q.x, x), append(q.y, y)
					if i := r.IntN(3 * len(q.x)); i < len(q.x) && len(q.x) < most {
						q.x, q.y = append(q.x, q.x[i]), append(q.y, q.y[i])
					}
				}
				if _, err := independent(q.x); err == nil {
					test(t, q)
				}
			}
		})
	}
}

// minimum solves a problem, which has to be proved.
func minimum(t *testing.T, q *problem) *solution {
	t.Helper()
	s, err := q.minimize(t.Context())
	if err != nil {
		require.NoError(t, err, "tau %v\nx %v\ny %v", q.tau, q.x, q.y)
	}
	return s
}

// TestMinimum: no vertex has a smaller loss. All of them are looked at.
func TestMinimum(t *testing.T) {
	each(t, 100, 9, func(t *testing.T, q *problem) {
		best := math.Inf(1)
		subsets(len(q.x), len(q.x[0]), func(rows []int) {
			b, y := make(matrix, len(rows)), make([]float64, len(rows))
			for k, i := range rows {
				b[k], y[k] = q.x[i], q.y[i]
			}
			if inverse, err := b.inverse(); err == nil {
				best = math.Min(best, q.loss(inverse.times(y)))
			}
		})
		size := 0.0
		for _, y := range q.y {
			size += math.Abs(y)
		}
		require.InDelta(t, best, q.loss(minimum(t, q).beta), 1e-12*(size+1))
	})
}

// subsets calls do with each choice of k of the numbers below n.
func subsets(n, k int, do func([]int)) {
	var choose func(chosen []int, from int)
	choose = func(chosen []int, from int) {
		if len(chosen) == k {
			do(chosen)
			return
		}
		for i := from; i < n; i++ {
			choose(append(chosen, i), i+1)
		}
	}
	choose(nil, 0)
}

// TestProved: larger problems end, with a proof.
func TestProved(t *testing.T) {
	each(t, 150, 60, func(t *testing.T, q *problem) { minimum(t, q) })
}

// TestDegenerate: thousands of problems in which most rows tie come to an end. The
// quantile 1/3 is no float: slopes that are 0 in truth are a little off.
func TestDegenerate(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 2))
	for range 3000 {
		p := 2 + r.IntN(3)
		q := &problem{tau: 1.0 / 3}
		for range p + r.IntN(40) {
			x := numbers(func() float64 { return float64(r.IntN(2)) }, p)
			q.x, q.y = append(q.x, x), append(q.y, float64(r.IntN(4)))
		}
		if _, err := independent(q.x); err == nil {
			minimum(t, q)
		}
	}
}

// TestCoverage: at most tau of the rows lie below the minimum, and at least tau on
// it or below. Where no more than p rows are met, that is within p/n of tau.
func TestCoverage(t *testing.T) {
	each(t, 100, 60, func(t *testing.T, q *problem) {
		s := minimum(t, q)
		below, met := 0, 0
		for _, r := range s.residual {
			switch {
			case r == 0:
				met++
			case r < 0:
				below++
			}
		}
		n := float64(len(q.x))
		require.LessOrEqual(t, float64(below)/n, q.tau+1e-9)
		require.GreaterOrEqual(t, float64(below+met)/n, q.tau-1e-9)
		require.InDelta(t, float64(below+met)/n, s.coverage(), 1e-15)
		require.GreaterOrEqual(t, met, len(s.beta))
	})
}

// TestEquivariance: a change of the data that is a change of coordinates changes
// the minimum with it (Koenker and Bassett 1978, theorem 3.2).
func TestEquivariance(t *testing.T) {
	each(t, 60, 30, func(t *testing.T, q *problem) {
		loss := q.loss(minimum(t, q).beta)
		changed := func(tau float64, y func(i int) float64) *problem {
			c := &problem{x: q.x, tau: tau}
			for i := range q.y {
				c.y = append(c.y, y(i))
			}
			return c
		}
		check := func(what string, c *problem, want, precision float64) {
			t.Helper()
			require.InDelta(t, want, c.loss(minimum(t, c).beta), precision*(want+1)*float64(len(q.y)), what)
		}
		for _, scale := range []float64{1e-90, 1e-12, 3, 1e12, 1e90} {
			c := changed(q.tau, func(i int) float64 { return scale * q.y[i] })
			require.InDelta(t, loss, c.loss(minimum(t, c).beta)/scale, 1e-9*(loss+1), "scaled by %g", scale)
		}
		check("turned over", changed(1-q.tau, func(i int) float64 { return -q.y[i] }), loss, 1e-9)
		check("shifted", changed(q.tau, func(i int) float64 { return q.y[i] + 1e8 }), loss, 1e-7)
		check("tilted", changed(q.tau, func(i int) float64 { return q.y[i] + 7*q.x[i][0] - 2 }), loss, 1e-9)
		stretched := &problem{y: q.y, tau: q.tau}
		for _, x := range q.x {
			x = slices.Clone(x)
			x[0] = 8*x[0] - 3
			stretched.x = append(stretched.x, x)
		}
		check("stretched", stretched, loss, 1e-9)
	})
}

// TestShiftedTargets: where targets lie costs none of the digits that tell them
// apart, as for times in seconds since 1970.
func TestShiftedTargets(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	q, far := &problem{tau: 0.1}, &problem{tau: 0.1}
	for range 200 {
		x, y := numbers(r.NormFloat64, 4), float64(r.IntN(1000))/1024
		q.x, q.y = append(q.x, x), append(q.y, y)
		far.x, far.y = append(far.x, x), append(far.y, y+1<<31)
	}
	near, shifted := minimum(t, q).beta, minimum(t, far).beta
	require.InDeltaSlice(t, near[:3], shifted[:3], 1e-12)
	require.InDelta(t, near[3]+1<<31, shifted[3], 1e-6)
}

// TestSampleQuantile: without features the minimum is the quantile of the sample.
func TestSampleQuantile(t *testing.T) {
	q := &problem{tau: 0.3}
	for _, y := range []float64{5, 1, 9, 3, 7} {
		q.x, q.y = append(q.x, []float64{1}), append(q.y, y)
	}
	require.Equal(t, []float64{3}, minimum(t, q).beta)
}

func TestDependent(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, test := range []struct {
		name string
		of   func(a, b float64) float64 // the third feature
		want error
	}{
		{"independent", func(a, b float64) float64 { return a*b - 1 }, nil},
		{"the same", func(a, _ float64) float64 { return a }, errRank},
		{"another unit", func(a, _ float64) float64 { return 1.8*a + 32 }, errRank},
		{"a sum", func(a, b float64) float64 { return 0.1*a + 0.7*b }, errRank},
		{"constant", func(_, _ float64) float64 { return 0.1 }, errRank},
		{"nearly the same", func(a, _ float64) float64 { return a + 1e-8*r.NormFloat64() }, errRank},
		{"much the same", func(a, _ float64) float64 { return a + 1e-4*r.NormFloat64() }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := &problem{tau: 0.5}
			for range 50 {
				a, b := r.NormFloat64(), r.NormFloat64()
				q.x, q.y = append(q.x, []float64{a, b, test.of(a, b), 1}), append(q.y, r.NormFloat64())
			}
			_, err := q.minimize(t.Context())
			require.ErrorIs(t, err, test.want)
		})
	}
	t.Run("fewer rows than coefficients", func(t *testing.T) {
		q := &problem{x: [][]float64{{1, 2, 1}, {3, 4, 1}}, y: []float64{1, 2}, tau: 0.5}
		_, err := q.minimize(t.Context())
		require.ErrorIs(t, err, errRank)
	})
}

// TestCertify: what is not the minimum, or not proved to be it, is refused.
func TestCertify(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	q := &problem{tau: 0.25}
	for range 40 {
		q.x, q.y = append(q.x, numbers(r.NormFloat64, 4)), append(q.y, r.NormFloat64())
	}
	good, err := solve(t.Context(), q)
	require.NoError(t, err)
	off := slices.Index(good.dual, q.tau) // a row that is not in the basis
	for _, test := range []struct {
		name, want string
		change     func(s *solution)
	}{
		{"as found", "", func(*solution) {}},
		{"another bias", "the loss may be", func(s *solution) { s.beta[3] += 1e-6 }},
		{"another coefficient", "the loss may be", func(s *solution) { s.beta[0] -= 1e-6 }},
		{"a coefficient that is no number", "the loss may be NaN", func(s *solution) { s.beta[1] = math.NaN() }},
		{"an infinite coefficient", "the loss may be", func(s *solution) { s.beta[1] = math.Inf(1) }},
		{"a weight over tau", fmt.Sprintf("weight 0.26 of row %d", off+1), func(s *solution) { s.dual[off] = 0.26 }},
		{"a weight below tau-1", fmt.Sprintf("weight -0.76 of row %d", off+1), func(s *solution) { s.dual[off] = -0.76 }},
		{"a weight that is no number", "weight NaN", func(s *solution) { s.dual[off] = math.NaN() }},
		{"another weight", "of coefficient 1 add up to", func(s *solution) { s.dual[off] -= 1e-5 }},
		{"weights that prove little", "the loss may be", func(s *solution) { clear(s.dual) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &solution{beta: slices.Clone(good.beta), dual: slices.Clone(good.dual)}
			test.change(s)
			err := q.certify(s)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "no proof of the optimum: ")
			require.ErrorContains(t, err, test.want)
		})
	}
}

// TestCertifyKnowsNoSolver: a proof by hand. The median of 1, 2, 4 is 2; the weights
// are ½ above it, −½ below, and what balances them on it.
func TestCertifyKnowsNoSolver(t *testing.T) {
	q := &problem{x: [][]float64{{1}, {1}, {1}}, y: []float64{1, 2, 4}, tau: 0.5}
	require.NoError(t, q.certify(&solution{beta: []float64{2}, dual: []float64{-0.5, 0, 0.5}}))
	require.Error(t, q.certify(&solution{beta: []float64{4}, dual: []float64{-0.5, 0, 0.5}}))
	require.Error(t, q.certify(&solution{beta: []float64{4}, dual: []float64{-0.5, -0.5, 0.5}}))
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	q := &problem{x: [][]float64{{1}, {1}}, y: []float64{1, 2}, tau: 0.5}
	_, err := q.minimize(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func BenchmarkMinimize(b *testing.B) {
	for _, n := range []int{442, 100_000} {
		for _, kind := range kinds[:2] {
			b.Run(fmt.Sprintf("%s/%d", kind.name, n), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				q := &problem{tau: 0.1}
				for range n {
					x, y := kind.row(r, 4)
					q.x, q.y = append(q.x, x), append(q.y, y)
				}
				for b.Loop() {
					if _, err := q.minimize(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
