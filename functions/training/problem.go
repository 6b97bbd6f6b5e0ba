package training

import (
	"context"
	"errors"
	"math"
	"slices"
)

// problem is one quantile regression.
type problem struct {
	x   [][]float64 // n rows of p numbers
	y   []float64   // n
	tau float64
}

// errRank says that the data do not determine the coefficients.
var errRank = errors.New("the features are linearly dependent, or so nearly that their coefficients mean nothing")

// minimize returns the solution, with a proof.
func (q *problem) minimize(ctx context.Context) (*solution, error) {
	// What all targets have in common only costs digits of what tells them apart:
	// it is in the bias alone.
	middle := slices.Sorted(slices.Values(q.y))[len(q.y)/2]
	centred := &problem{x: q.x, y: make([]float64, len(q.y)), tau: q.tau}
	for i, y := range q.y {
		centred.y[i] = y - middle
	}
	s, err := solve(ctx, centred)
	if err != nil {
		return nil, err
	}
	if err := centred.certify(s); err != nil {
		return nil, err
	}
	s.beta[len(s.beta)-1] += middle
	return s, nil
}

// residual is yᵢ − xᵢ·β.
func (q *problem) residual(i int, beta []float64) float64 { return q.y[i] - dot(q.x[i], beta) }

// rho is the loss of a residual.
func (q *problem) rho(r float64) float64 {
	return math.Max(float64(q.tau*r), float64((q.tau-1)*r))
}

// loss is Σ ρ(yᵢ − xᵢ·β).
func (q *problem) loss(beta []float64) float64 {
	var sum float64
	for i := range q.x {
		sum += q.rho(q.residual(i, beta))
	}
	return sum
}

// solution is where the loss is least.
type solution struct {
	beta     []float64
	residual []float64 // of each row; exactly 0 for one that is met
	dual     []float64 // wᵢ for each row, for the certificate
}

// coverage is the share of rows that are not above the prediction.
func (s *solution) coverage() float64 {
	count := 0
	for _, r := range s.residual {
		if r <= 0 {
			count++
		}
	}
	return float64(count) / float64(len(s.residual))
}
