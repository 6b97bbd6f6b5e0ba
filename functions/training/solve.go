package training

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Linear quantile regression is the linear program
//
//	minimize  Σ ρ(yᵢ − xᵢ·β),   ρ(r) = τ r if r ≥ 0, (τ−1) r if r < 0
//
// over the coefficients β, with a column of ones in x for the bias. A minimum lies
// at a vertex: p rows, the basis, are met exactly. solve walks from vertex to
// vertex along the edges of the loss (I. Barrodale, F. D. K. Roberts, "An improved
// algorithm for discrete l₁ linear approximation", SIAM J. Numer. Anal. 10, 1973;
// for any quantile R. Koenker, V. d'Orey, "Computing regression quantiles",
// Applied Statistics 36, 1987): one row leaves the basis, and a line search along
// the edge, which is a weighted median, finds the row that enters.
//
// Ties would let such a walk turn in circles. Every yᵢ is therefore taken as
// yᵢ + εⁱ⁺¹ for an ε > 0 that is smaller than any number: no two rows tie any more,
// every step lowers the loss, and no vertex is met twice. The ε is never a number;
// it decides where floats are equal, by the row that comes first.

// ties are how close to 0 a sum is taken for 0, relative to the size of what it was
// added up from. Where many numbers differ by just that much, some of them are equal
// at one vertex and not at the next, and the walk may turn in circles after all.
// Then it is done again with a more generous one.
var ties = []float64{1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9}

// parallel is how small a share is taken for 0.
const parallel = 1e-11

// errCircle says that a vertex was met twice.
var errCircle = errors.New("the descent turns in circles")

// solve walks down to the minimum: a vertex that no edge leads down from. Up to
// 200,000 rows it takes some 30 steps where no rows tie, and 60 where most do.
func solve(ctx context.Context, q *problem) (s *solution, err error) {
	for _, tie := range ties {
		if s, err = walk(ctx, q, tie); !errors.Is(err, errCircle) {
			break
		}
	}
	return s, err
}

func walk(ctx context.Context, q *problem, tie float64) (*solution, error) {
	v, err := start(q, tie)
	if err != nil {
		return nil, err
	}
	met := map[string]bool{}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name := fmt.Sprint(slices.Sorted(slices.Values(v.basis)))
		if met[name] {
			return nil, errCircle
		}
		met[name] = true
		if err := v.visit(); err != nil {
			return nil, err
		}
		leaving, sign := v.steepest()
		if leaving < 0 {
			return v.solution(), nil
		}
		if err := v.move(leaving, sign); err != nil {
			return nil, err
		}
	}
}

// vertex is where the walk is.
type vertex struct {
	*problem
	tie   float64
	basis []int // the rows that are met exactly
	in    []bool
	order []int // the places of the basis, by their rows: the largest power of ε first

	inverse  matrix    // of the basis rows
	share    matrix    // of each row: the factors by which the basis rows make it up
	beta     []float64 // the coefficients
	residual []float64 // of each row; 0 for one that is met
	weight   []float64 // the slope of ρ at each row off the basis: τ or τ−1
	dual     []float64 // of each basis row, by its place in the basis
}

func start(q *problem, tie float64) (*vertex, error) {
	basis, err := independent(q.x)
	if err != nil {
		return nil, err
	}
	n := len(q.x)
	v := &vertex{
		problem: q, tie: tie, basis: basis, in: make([]bool, n), share: make(matrix, n),
		residual: make([]float64, n), weight: make([]float64, n),
	}
	for k, i := range basis {
		v.in[i] = true
		v.order = append(v.order, k)
	}
	return v, nil
}

// visit computes all that depends on the basis, anew at every vertex: errors do
// not add up.
func (v *vertex) visit() error {
	slices.SortFunc(v.order, func(a, b int) int { return v.basis[a] - v.basis[b] })
	rows := make(matrix, len(v.basis))
	y := make([]float64, len(v.basis))
	for k, i := range v.basis {
		rows[k], y[k] = v.x[i], v.y[i]
	}
	var err error
	if v.inverse, err = rows.inverse(); err != nil {
		return err
	}
	v.beta = v.inverse.times(y)
	size := v.inverse.sizes(y)
	gradient := make([]float64, len(v.beta))
	for i, x := range v.x {
		if v.in[i] {
			v.residual[i] = 0
			continue
		}
		rounding := v.tie * (math.Abs(v.y[i]) + absDot(x, size))
		if v.residual[i] = v.problem.residual(i, v.beta); math.Abs(v.residual[i]) <= rounding {
			v.residual[i] = 0
		}
		v.share[i] = v.inverse.transposedTimes(v.share[i], x)
		v.weight[i] = v.tau
		if v.sign(i) < 0 {
			v.weight[i] = v.tau - 1
		}
		for j := range gradient {
			gradient[j] += float64(v.weight[i] * x[j])
		}
	}
	// The basis rows' weights make Σ wᵢ xᵢ vanish: that is what optimal means, once
	// they lie within [τ−1, τ].
	v.dual = v.inverse.transposedTimes(v.dual, gradient)
	for k := range v.dual {
		v.dual[k] = -v.dual[k]
	}
	return nil
}

// steepest returns the place in the basis of the row whose leaving lowers the loss
// fastest, and the sign that its residual takes; −1 if none lowers it.
func (v *vertex) steepest() (leaving int, sign float64) {
	leaving = -1
	best := -1e-10
	for k, w := range v.dual {
		if slope := w - (v.tau - 1); slope < best { // its residual falls below 0
			leaving, sign, best = k, -1, slope
		}
		if slope := v.tau - w; slope < best { // its residual rises above 0
			leaving, sign, best = k, 1, slope
		}
	}
	return leaving, sign
}

// crossing is a row whose residual changes its sign along an edge.
type crossing struct {
	row  int
	rate float64 // of its residual: r − t·rate
	at   float64 // t
}

// move walks along the edge on which the residual of a basis row takes a sign, to
// where the loss is lowest, and exchanges that row for the one that is met there.
func (v *vertex) move(leaving int, sign float64) error {
	slope := v.dual[leaving] - (v.tau - 1)
	if sign > 0 {
		slope = v.tau - v.dual[leaving]
	}
	var list []crossing
	for i := range v.x {
		if v.in[i] {
			continue
		}
		rate := -sign * v.share[i][leaving]
		if speed := math.Abs(rate); speed > parallel && (rate > 0) == (v.sign(i) > 0) {
			list = append(list, crossing{i, rate, math.Abs(v.residual[i]) / speed})
		}
	}
	slices.SortFunc(list, v.compare)
	for _, c := range list {
		if slope += math.Abs(c.rate); slope >= 0 {
			v.in[v.basis[leaving]], v.in[c.row] = false, true
			v.basis[leaving] = c.row
			return nil
		}
	}
	return errors.New("the loss falls without end")
}

// compare orders two crossings; where they tie, by what ε adds to each.
func (v *vertex) compare(a, b crossing) int {
	if a.at != b.at {
		return cmp.Compare(a.at, b.at)
	}
	first := a
	if b.row < a.row {
		first = b
	}
	for _, k := range v.order {
		if v.basis[k] > first.row {
			break
		}
		// The power of the basis row k stands in t with −share/rate.
		ofA, ofB := v.share[a.row][k]*b.rate, v.share[b.row][k]*a.rate
		if math.Abs(ofA-ofB) > parallel*(math.Abs(a.rate)+math.Abs(b.rate)) {
			return direction((ofB - ofA) * a.rate * b.rate)
		}
	}
	switch {
	case a.row == b.row:
		return 0
	case first.row == a.row: // whose own power stands in t with 1/rate, and not in that of b
		return direction(a.rate)
	default:
		return -direction(b.rate)
	}
}

// sign is the sign of the residual of a row off the basis; of one that is 0, the
// sign of what ε adds to it: its own power, less its share of those of the basis.
func (v *vertex) sign(i int) float64 {
	if r := v.residual[i]; r != 0 {
		return r
	}
	for _, k := range v.order {
		if v.basis[k] > i {
			break
		}
		if share := v.share[i][k]; math.Abs(share) > parallel {
			return -share
		}
	}
	return 1
}

// direction is the sign of a number other than 0.
func direction(v float64) int {
	if v < 0 {
		return -1
	}
	return 1
}

func (v *vertex) solution() *solution {
	s := &solution{beta: v.beta, residual: v.residual, dual: slices.Clone(v.weight)}
	for k, i := range v.basis {
		s.dual[i] = math.Min(math.Max(v.dual[k], v.tau-1), v.tau)
	}
	return s
}
