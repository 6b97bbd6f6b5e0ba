package standardize_test

import (
	"context"
	"fmt"

	"github.com/modelfn/modelfn/functions/standardize"
)

// How far a patient is from the others, in their standard deviations.
func Example() {
	patients := [][standardize.Features]float64{{20, 80, 4}, {30, 100, 5}}
	p, err := standardize.Fit(patients)
	if err != nil {
		fmt.Println(err)
		return
	}
	z, err := standardize.New(p).Predict(context.Background(), []float64{30, 95, 4.5})
	fmt.Println(z, err)
	// Output: [1 0.5 0] <nil>
}
