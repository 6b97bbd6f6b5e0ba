package quantile_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestDescriptions: what a registry and a page are told of each function. Its
// schema decides which params are taken, so a change of it is one of the contract.
func TestDescriptions(t *testing.T) {
	for _, f := range []framework.Function{
		standardize.Model, quantile.Model("model-a"), quantile.Model("model-b"), quantile.Model("model-c"),
	} {
		d, err := f.Describe()
		require.NoError(t, err)
		t.Run(d.Model, func(t *testing.T) {
			text, err := json.Marshal(d, json.Deterministic(true), jsontext.WithIndent("  "))
			require.NoError(t, err)
			text = append(text, '\n')
			golden := filepath.Join("testdata", d.Model+".json")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(golden, text, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), string(text), "go test -update writes the file anew")
		})
	}
}
