package predict_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/predict"
)

// TestEachRequestHasItsOwnValue runs requests at once and holds on to each input:
// none may change with another, nor with the body that it came in.
func TestEachRequestHasItsOwnValue(t *testing.T) {
	var mu sync.Mutex
	var vectors [][]float64
	var patients []patient
	keepVector := runner(t, threeNumbers, predictorFunc[[]float64, float64](func(_ context.Context, in []float64) (float64, error) {
		mu.Lock()
		defer mu.Unlock()
		vectors = append(vectors, in)
		return in[0], nil
	}))
	keepPatient := runner(t, threeNumbers, predictorFunc[patient, float64](func(_ context.Context, in patient) (float64, error) {
		mu.Lock()
		defer mu.Unlock()
		patients = append(patients, in)
		return in.BMI, nil
	}))
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			body := make([]byte, 0, 256)
			for i := range 200 {
				n := 10 + (g*200+i)%90
				sex := string("fm"[n%2])
				body = fmt.Appendf(body[:0], `{"inputs":[[%d,%d,0.5],[%d,1,2]]}`, n, n, n)
				if _, err := keepVector.Answer(context.Background(), predict.Native, nil, body); err != nil {
					t.Error(err)
				}
				body = fmt.Appendf(body[:0], `{"input":{"bmi":%d,"sex":"%s","labs":[%d]}}`, n, sex, n)
				if _, err := keepPatient.Answer(context.Background(), predict.Native, nil, body); err != nil {
					t.Error(err)
				}
			}
			for i := range body[:cap(body)] {
				body[:cap(body)][i] = '9'
			}
		})
	}
	all.Wait()
	require.Len(t, vectors, 1600)
	require.Len(t, patients, 800)
	for _, v := range vectors {
		require.Contains(t, [][]float64{{v[0], v[0], 0.5}, {v[0], 1, 2}}, v)
	}
	for _, p := range patients {
		require.Equal(t, patient{p.BMI, string("fm"[int(p.BMI)%2]), []float64{p.BMI}}, p)
	}
}

// TestTheBodyIsLetGo holds that no body waits in a pool for the next request.
func TestTheBodyIsLetGo(t *testing.T) {
	r := runner(t, threeNumbers, dot)
	var bodies []weak.Pointer[[1 << 16]byte]
	for i := range 8 {
		body := new([1 << 16]byte)
		n := copy(body[:], []string{`{"input":[1,2,3]}`, `{"\u0069nput":[1,2,3]}`}[i%2]) // both readers
		for i := n; i < len(body); i++ {
			body[i] = ' '
		}
		_, err := r.Answer(context.Background(), predict.Native, nil, body[:])
		require.NoError(t, err)
		bodies = append(bodies, weak.Make(body))
	}
	runtime.GC() // what a sync.Pool holds outlives one collection
	for _, b := range bodies {
		assert.Nil(t, b.Value())
	}
}
