package training

import (
	"math"
	"slices"
)

// matrix is a small square matrix, by rows.
type matrix [][]float64

// singular is how small a pivot is taken for 0, and dependent how little one row has
// to leave of all others: rows are standardized, so their numbers are of the size
// of 1.
const (
	singular  = 1e-13
	dependent = 1e-6
)

// dot returns a·b. The products are not fused with the additions, so that the
// result has the same bits on every processor.
func dot(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i] * b[i])
	}
	return sum
}

// absDot returns Σ|aᵢbᵢ|.
func absDot(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += math.Abs(a[i] * b[i])
	}
	return sum
}

// sizes is what the numbers of m·v are added up from, without signs: their rounding
// errors are in proportion to that.
func (m matrix) sizes(v []float64) []float64 {
	out := make([]float64, len(m))
	for i, row := range m {
		out[i] = absDot(row, v)
	}
	return out
}

func (m matrix) times(v []float64) []float64 {
	out := make([]float64, len(m))
	for i, row := range m {
		out[i] = dot(row, v)
	}
	return out
}

// transposedTimes writes the product to out, which is made if it is nil.
func (m matrix) transposedTimes(out, v []float64) []float64 {
	if out == nil {
		out = make([]float64, len(m))
	}
	clear(out)
	for i, row := range m {
		for j, x := range row {
			out[j] += float64(x * v[i])
		}
	}
	return out
}

// inverse inverts the matrix by Gauss-Jordan elimination with partial pivoting.
func (m matrix) inverse() (matrix, error) {
	p := len(m)
	work := make(matrix, p)
	for i, row := range m {
		work[i] = make([]float64, 2*p)
		copy(work[i], row)
		work[i][p+i] = 1
	}
	for col := range p {
		pivot := col
		for i := col + 1; i < p; i++ {
			if math.Abs(work[i][col]) > math.Abs(work[pivot][col]) {
				pivot = i
			}
		}
		if math.Abs(work[pivot][col]) < singular {
			return nil, errRank
		}
		work[col], work[pivot] = work[pivot], work[col]
		scale(work[col], 1/work[col][col])
		for i := range work {
			if i != col {
				subtract(work[i], work[col], work[i][col])
			}
		}
	}
	for i := range work {
		work[i] = work[i][p:]
	}
	return work, nil
}

// scale multiplies a row by a number.
func scale(row []float64, by float64) {
	for j := range row {
		row[j] *= by
	}
}

// subtract takes factor times other off row.
func subtract(row, other []float64, factor float64) {
	for j := range row {
		row[j] -= float64(factor * other[j])
	}
}

// independent returns as many rows as there are columns, which are linearly
// independent: those that Gaussian elimination with full pivoting takes.
func independent(rows matrix) ([]int, error) {
	left := make(matrix, len(rows))
	for i, row := range rows {
		left[i] = slices.Clone(row)
	}
	basis := make([]int, len(rows[0]))
	for k := range basis {
		i, j := left.largest()
		if math.Abs(left[i][j]) < dependent {
			return nil, errRank
		}
		basis[k] = i
		pivot := slices.Clone(left[i])
		scale(pivot, 1/pivot[j])
		for _, row := range left {
			subtract(row, pivot, row[j])
		}
	}
	return basis, nil
}

// largest returns the place of the number that is largest without its sign, the
// first of equal ones.
func (m matrix) largest() (row, column int) {
	for i := range m {
		for j := range m[i] {
			if math.Abs(m[i][j]) > math.Abs(m[row][column]) {
				row, column = i, j
			}
		}
	}
	return row, column
}
