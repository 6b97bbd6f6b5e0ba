package training

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMostRows does not read a million rows to see what becomes of the next one.
func TestMostRows(t *testing.T) {
	columns, err := find([]string{"bmi", "bp", "s5", "progression"})
	require.NoError(t, err)
	row := []string{"1", "2", "3", "4"}
	d := &Data{target: make([]float64, maxRows-1)}
	require.NoError(t, d.add(row, columns, maxRows+1))
	require.EqualError(t, d.add(row, columns, maxRows+2), "line 1000002: over 1000000 rows")
}
