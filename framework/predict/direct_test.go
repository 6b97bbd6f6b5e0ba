package predict

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDirect holds which bodies are read without a detour.
func TestDirect(t *testing.T) {
	for body, formats := range map[string][]*Format{
		`{"input":[1,2,3]}`: {Native},
		" {\n\t\"input\" : [ 1 , -2.5e-3 , 3E+2 ]\r\n} \n": {Native},
		`{"inputs":[[1,2,3]]}`:                             {Native, V1},
		`{"inputs": [ [1,2,3] , [-0,0.5,1e5] ] }`:          {Native, V1},
		`{"instances":[[1,2,3],[4,5,6]]}`:                  {V1},

		``: nil, `{}`: nil, `[1,2,3]`: nil, `{"input"}`: nil, `{"input":[1,2,3]`: nil, `{"input":[1,2,3`: nil,
		`{"input":[1,2,3]} x`: nil, `{"input":[1,2,3],"input":[1,2,3]}`: nil, `{"input":[1,2,3],}`: nil,
		`{"\u0069nput":[1,2,3]}`: nil, `{"Input":[1,2,3]}`: nil, `{"":[1,2,3]}`: nil, `{"input\":[1,2,3]}`: nil,
		`{"input":[]}`: nil, `{"input":[1,2]}`: nil, `{"input":[1,2,3,4]}`: nil, `{"input":[1,2,3,]}`: nil, `{"input":[[1,2,3]]}`: nil,
		`{"input":[1,null,3]}`: nil, `{"input":[1,"2",3]}`: nil, `{"input":[1,9007199254740993,3]}`: nil, `{"input":[1,1e400,3]}`: nil,
		`{"input":[1,+2,3]}`: nil, `{"input":[1,02,3]}`: nil, `{"input":[1,.5,3]}`: nil, `{"input":[1,2.,3]}`: nil, `{"input":[1,2e,3]}`: nil,
		`{"input":[1,-,3]}`: nil, `{"input":[1,0x2,3]}`: nil, `{"input":[1,2_0,3]}`: nil, `{"input":[1,Inf,3]}`: nil, "{\"input\":[1,\v2,3]}": nil,
		`{"inputs":[]}`: nil, `{"inputs":[[1,2,3],]}`: nil, `{"inputs":[[1,2,3],[1,2]]}`: nil, `{"inputs":[1,2,3]}`: nil,
	} {
		for _, f := range []*Format{Native, V1} {
			_, ok := direct(f, 3, []byte(body))
			takes := false
			for _, one := range formats {
				takes = takes || one == f
			}
			require.Equal(t, takes, ok, "%s with %s", body, f.many)
		}
	}
	require.Nil(t, directOf[[]int](3), "other types have other rules")
}

// FuzzDirect holds that a body that is read directly means what it means to the
// exact reader.
func FuzzDirect(f *testing.F) {
	for _, seed := range []string{
		`{"input":[1,2,3]}`, ` { "inputs" : [ [1,2.5,-3e-5] , [-0,-0.0,0e9] ] } `, `{"instances":[[1,2,3],[4,5,6]]}`,
		`{"input":[9007199254740992,-9007199254740993,9007199254740993.0]}`, `{"input":[1e308,1e309,5e-324]}`, `{"input":[1e-400,0.000,1]}`,
		`{"input":[1,2,3],"inputs":[[1,2,3]]}`, `{"\u0069nput":[1,2,3]}`, `{"input":[01,2,3]}`, `{"input":[1,2,3]}{}`, `{"input":[1,2,3,4]}`,
		`{"input":[1.,2,3]}`, `{"input":[1e,2,3]}`, `{"input":[- 1,2,3]}`, `{"inputs":[]}`, `{"inputs":[[1,2,3],]}`,
	} {
		for v1 := range 2 {
			f.Add([]byte(seed), v1 == 1)
		}
	}
	read := reader[[]float64](vectorReader(3))
	f.Fuzz(func(t *testing.T, body []byte, v1 bool) {
		format := Native
		if v1 {
			format = V1
		}
		got, ok := direct(format, 3, body)
		if !ok {
			return
		}
		want, err := decode(format, read, body)
		require.NoError(t, err, "%q", body)
		require.Equal(t, want, got, "%q", body)
		require.Equal(t, signs(want), signs(got), "%q", body)
	})
}

// signs returns the numbers of a request that are negative, be it −0.
func signs(req request[[]float64]) (all []bool) {
	for _, in := range append(req.many, req.one) {
		for _, x := range in {
			all = append(all, math.Signbit(x))
		}
	}
	return all
}
