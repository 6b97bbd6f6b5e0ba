package frameworktest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
)

// Document returns a document of a model: its params as JSON, and the documents
// of the components that they require.
func Document(t testing.TB, model string, version int64, content string, requires ...params.Document) params.Document {
	t.Helper()
	var pins map[string]params.Pin
	for _, r := range requires {
		if pins == nil {
			pins = map[string]params.Pin{}
		}
		pins[r.Model] = r.Pin()
	}
	d, err := params.New(model, pins, jsontext.Value(content))
	require.NoError(t, err)
	d.Version = version
	return d
}

// Bundle returns the bundle of documents.
func Bundle(documents ...params.Document) *params.Bundle {
	return &params.Bundle{Documents: documents}
}

// WriteBundle makes b the content of a file at once, as a deployment does: who
// reads it sees the former content or the new one.
func WriteBundle(t testing.TB, path string, b *params.Bundle) {
	t.Helper()
	text, err := b.Encode()
	require.NoError(t, err)
	writeFile(t, path, text)
}

// writeFile replaces a file at once.
func writeFile(t testing.TB, path string, content []byte) {
	t.Helper()
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	require.NoError(t, err)
	_, err = f.Write(content)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, os.Rename(f.Name(), path))
}
