package local_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/local"
)

func TestNoRequestIsLostByRealModel(t *testing.T) {
	t.Parallel()
	cfg := realModels(t, "model-a")
	cfg.Console.Patience = patience
	r := start(t, cfg)
	outputs := [2]string{}
	inputs := [2]string{`{"input":[32.1,101,4.8598]}`, `{"input":[21.6,87,3.8918]}`}
	for i := range inputs {
		var status int
		status, outputs[i] = post(t, r.URL()+"/model-a/predict", inputs[i])
		require.Equal(t, 200, status)
	}
	request := func(i, j int) (body, want string) { return inputs[(i+j)%2], outputs[(i+j)%2] }
	underLoad(t, r, request, syscall.SIGTERM, syscall.SIGTERM, syscall.SIGKILL, syscall.SIGTERM)
}

// A real model whose params do not fit keeps the run from starting, and the error
// says why.
func TestRealModelWithBadParams(t *testing.T) {
	t.Parallel()
	cfg := realModels(t, "model-a")
	bundle := filepath.Join(cfg.Folder, "bundles", "model-a.json")
	require.NoError(t, os.WriteFile(bundle, []byte("{}"), 0o600))
	said := ""
	for limit := time.Second; limit < patience && !strings.Contains(said, "documents: missing"); limit *= 2 { // until it is enough to read them
		cfg.StartTimeout = limit
		run, err := local.Open(cfg)
		require.NoError(t, err)
		err = run.Serve(context.Background(), nil)
		require.Error(t, err)
		said = err.Error()
		run.Close()
	}
	require.Regexp(t, `(?s)^model-a did not start: not ready within \d+s; its log, .*documents: missing`, said)
}
