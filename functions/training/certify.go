package training

import (
	"fmt"
	"math"
)

// slack is how far rounding may put a proof off, relative to the size of what it
// adds up.
const slack = 1e-9

// certify proves that a solution is a minimum, without looking at how it was found.
//
// For any weights w with τ−1 ≤ wᵢ ≤ τ each ρ(r) is at least wᵢr. If Σ wᵢxᵢ = 0 too,
// Σ wᵢ(yᵢ − xᵢ·β) is the same for every β, and so a lower bound of every loss:
// coefficients whose own loss is that bound are the best there are.
func (q *problem) certify(s *solution) error {
	var gap, size float64 // the loss above the bound, and what it may be off by
	sums := make([]float64, len(s.beta))
	sizes := make([]float64, len(s.beta))
	for i, w := range s.dual {
		if !(q.tau-1 <= w && w <= q.tau) { // so written, NaN is refused
			return fmt.Errorf("no proof of the optimum: weight %g of row %d is outside of [%g, %g]", w, i+1, q.tau-1, q.tau)
		}
		for j, x := range q.x[i] {
			sums[j] += w * x
			sizes[j] += math.Abs(x)
		}
		r := q.residual(i, s.beta)
		gap += q.rho(r) - w*r
		size += math.Abs(q.y[i])
	}
	for j, sum := range sums {
		if !(math.Abs(sum) <= slack*sizes[j]) {
			return fmt.Errorf("no proof of the optimum: the weights of coefficient %d add up to %g", j+1, sum)
		}
	}
	if !(gap <= slack*size) {
		return fmt.Errorf("no proof of the optimum: the loss may be %g above it", gap)
	}
	return nil
}
