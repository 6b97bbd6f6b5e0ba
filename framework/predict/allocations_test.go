//go:build !race

package predict_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelfn/modelfn/framework/predict"
)

// TestAllocations holds what a prediction from three numbers to one costs: the
// input itself, and for many their list.
func TestAllocations(t *testing.T) {
	ctx, r, dst := context.Background(), runner(t, threeNumbers, dot), make([]byte, 0, 1<<10)
	many := `{"inputs":[` + strings.Repeat(`[32.1,101,4.8598],`, 9) + `[1,2,3]]}`
	for text, most := range map[string]float64{
		`{"input":[32.1,101,4.8598]}`:       1,
		`{"instances":[[32.1,101,4.8598]]}`: 3,
		many:                                16,
	} {
		format, body := predict.Native, []byte(text)
		if strings.Contains(text, "instances") {
			format = predict.V1
		}
		got := testing.AllocsPerRun(1000, func() {
			if _, err := r.Answer(ctx, format, dst, body); err != nil {
				t.Fatal(err)
			}
		})
		assert.LessOrEqual(t, got, most, text)
	}
}
