package predict_test

import (
	"context"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/predict"
)

// FuzzAnswer holds that any body gets an answer or a refusal, and that what was
// accepted can be sent back: the answers of a model that gives its inputs are
// inputs that get the same answers.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"input":[1,2,3]}`, `{"inputs":[[1,2,3],[-0,1e17,9007199254740992]]}`, `{"instances":[[0.1,5e-324,1.7976931348623157e308]]}`,
		`{"input":{"bmi":20.5,"sex":"f","labs":[1e16]}}`, `{"inputs":[{"bmi":20,"sex":"m"}]}`,
		`{"\u0069nput":[1,2,3]}`, `{"input":[1,2,3],"input":[1,2,3]}`, `{"input":[1,null,3]}`, `{"input":null}`, `{"inputs":[]}`, `{}`, `[]`, ``,
		`{"input":[9007199254740993,1e400,1e-400]}`, `{"input":[1,2,3]} x`, `{"input":[[[[[[`, "{\"input\":\"\xff\"}", `{"inputs":[[1,2,3}]`,
	} {
		for format := range 2 {
			f.Add(seed, format == 1)
		}
	}
	vectors, patients := echoVector(f), echo[patient](f)
	f.Fuzz(func(t *testing.T, body string, v1 bool) {
		format := predict.Native
		if v1 {
			format = predict.V1
		}
		for _, r := range []predict.Runner{vectors, patients} {
			text := []byte(body)
			first, err := r.Answer(context.Background(), format, nil, text)
			require.Equal(t, body, string(text), "the body is not written to")
			if err != nil {
				refused := fault.From(err)
				require.Equal(t, fault.Invalid, refused.Kind, "%q: %v", body, err)
				require.NotEmpty(t, refused.Public())
				continue
			}
			require.True(t, jsontext.Value(first).IsValid(), "%q gave %q", body, first)
			second, err := r.Answer(context.Background(), format, nil, asRequest(first))
			require.NoError(t, err, "%q gave %q", body, first)
			require.Equal(t, string(first), string(second))
		}
	})
}

// echoVector answers three numbers with themselves.
func echoVector(tb testing.TB) predict.Runner {
	tb.Helper()
	s := threeNumbers
	s.Outputs = s.Inputs
	return runner(tb, s, predictorFunc[[]float64, []float64](func(_ context.Context, in []float64) ([]float64, error) { return in, nil }))
}

// asRequest makes an answer a request.
func asRequest(answer []byte) []byte {
	text := string(answer)
	for output, input := range map[string]string{`{"output":`: `{"input":`, `{"outputs":`: `{"inputs":`, `{"predictions":`: `{"instances":`} {
		if rest, found := strings.CutPrefix(text, output); found {
			return []byte(input + rest)
		}
	}
	return answer
}
