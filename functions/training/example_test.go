package training_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/modelfn/modelfn/functions/training"
	"github.com/modelfn/modelfn/samples"
)

// Training on the sample data. Each result's bundle is what its function serves.
func Example() {
	data, err := training.ReadCSV(bytes.NewReader(samples.Diabetes))
	if err != nil {
		fmt.Println(err)
		return
	}
	results, err := training.Train(context.Background(), data, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		if r.Predicts() {
			fmt.Printf("%s: %d rows, loss %.4f, coverage %.1f %%\n", r.Name, r.Rows, r.Loss, 100*r.Coverage)
		}
	}
	// Output:
	// model-a: 442 rows, loss 8.6753, coverage 10.4 %
	// model-b: 442 rows, loss 22.9092, coverage 50.2 %
	// model-c: 442 rows, loss 9.9703, coverage 90.3 %
}
