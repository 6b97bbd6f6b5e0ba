package schema_test

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/schema"
)

func ExampleDecode() {
	type Params struct {
		Quantile float64   `json:"quantile" above:"0" below:"1"`
		Weights  []float64 `json:"weights" len:"3"`
		Note     string    `json:"note,omitzero"`
	}

	p, err := schema.Decode[Params]([]byte(`{"quantile": 0.9, "weights": [0.1, 2, -3]}`))
	fmt.Println(p.Quantile, p.Weights, err)

	_, err = schema.Decode[Params]([]byte(`{"quantile": 1, "weights": [0.1, null], "nota": ""}`))
	fmt.Println(strings.ReplaceAll(err.Error(), "; ", "\n"))
	// Output:
	// 0.9 [0.1 2 -3] <nil>
	// quantile: 1 is not above 0 and below 1
	// weights[1]: null instead of a number
	// weights: has 2 items instead of 3
	// nota: unknown field
}

func ExampleSchema_JSON() {
	type Params struct {
		Threshold float64 `json:"threshold" doc:"From where on the answer is yes." unit:"mmHg" min:"0"`
	}
	s, err := schema.Of[Params]()
	if err != nil {
		panic(err)
	}
	text := jsontext.Value(strings.Clone(string(s.JSON())))
	_ = text.Indent()
	fmt.Println(string(text))
	// Output:
	// {
	// 	"$schema": "https://json-schema.org/draft/2020-12/schema",
	// 	"type": "object",
	// 	"properties": {
	// 		"threshold": {
	// 			"type": "number",
	// 			"description": "From where on the answer is yes.",
	// 			"x-unit": "mmHg",
	// 			"minimum": 0
	// 		}
	// 	},
	// 	"required": [
	// 		"threshold"
	// 	],
	// 	"additionalProperties": false
	// }
}
