package predict_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/modelfn/modelfn/framework/predict"
)

func BenchmarkAnswer(b *testing.B) {
	ctx := context.Background()
	bench := func(name string, body []byte, answer func(dst, body []byte) ([]byte, error)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				var err error
				if dst, err = answer(dst[:0], body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	vector := runner(b, threeNumbers, dot)
	type patient struct {
		BMI float64 `json:"bmi"`
		BP  float64 `json:"bp"`
		S5  float64 `json:"s5"`
	}
	object := runner(b, threeNumbers, predictorFunc[patient, float64](func(_ context.Context, p patient) (float64, error) {
		return p.BMI + p.BP + p.S5, nil
	}))

	one := []byte(`{"input":[32.1,101,4.8598]}`)
	bench("one", one, func(dst, body []byte) ([]byte, error) { return vector.Answer(ctx, predict.Native, dst, body) })
	bench("one/encoding-json", one, func(_, body []byte) ([]byte, error) {
		var request struct{ Input []float64 }
		if err := json.Unmarshal(body, &request); err != nil {
			return nil, err
		}
		return json.Marshal(map[string]float64{"output": dotOf(request.Input)})
	})

	var list strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&list, ",[%d.5,101,4.8598]", i%40)
	}
	many := []byte(`{"inputs":[` + list.String()[1:] + "]}")
	bench("thousand", many, func(dst, body []byte) ([]byte, error) { return vector.Answer(ctx, predict.Native, dst, body) })
	bench("thousand/encoding-json", many, func(_, body []byte) ([]byte, error) {
		var request struct{ Inputs [][]float64 }
		if err := json.Unmarshal(body, &request); err != nil {
			return nil, err
		}
		outs := make([]float64, len(request.Inputs))
		for i, in := range request.Inputs {
			outs[i] = dotOf(in)
		}
		return json.Marshal(map[string][]float64{"outputs": outs})
	})

	structured := []byte(`{"input":{"bmi":32.1,"bp":101,"s5":4.8598}}`)
	bench("object", structured, func(dst, body []byte) ([]byte, error) { return object.Answer(ctx, predict.Native, dst, body) })
	bench("object/encoding-json", structured, func(_, body []byte) ([]byte, error) {
		var request struct{ Input patient }
		if err := json.Unmarshal(body, &request); err != nil {
			return nil, err
		}
		return json.Marshal(map[string]float64{"output": request.Input.BMI + request.Input.BP + request.Input.S5})
	})
}
