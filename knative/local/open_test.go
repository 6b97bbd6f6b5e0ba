package local_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/local"
)

func TestWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { busy.Close() })
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))

	tests := map[string]struct {
		change func(*local.Config)
		want   string
	}{
		"no models":       {func(c *local.Config) { c.Functions = nil }, "no models to run"},
		"port in use":     {func(c *local.Config) { c.Listen = busy.Addr().String() }, "the gateway cannot listen: .*address already in use"},
		"no address":      {func(c *local.Config) { c.Listen = "nonsense" }, "the gateway cannot listen"},
		"no folder":       {func(c *local.Config) { c.Folder = filepath.Join(file, "data") }, "the data folder cannot be made: .*not a directory"},
		"open to others":  {func(c *local.Config) { c.Listen = "0.0.0.0:0" }, "without tokens everybody who reaches 0.0.0.0:0 could write params"},
		"no registry":     {func(c *local.Config) { c.Registry = true }, "the program .*/registry: no such file"},
		"no component":    {func(c *local.Config) { c.Network = []string{"part"} }, "the program .*/part: no such file"},
		"missing program": {func(c *local.Config) { c.Functions = append(c.Functions, named("model-x")...) }, "the program .*/model-x: no such file"},
		"not a program": {func(c *local.Config) {
			require.NoError(t, os.WriteFile(filepath.Join(c.Programs, "model-y"), nil, 0o600))
			c.Functions = append(c.Functions, named("model-y")...)
		}, "the program .*/model-y: permission denied"},
		"no tokens":   {func(c *local.Config) { c.Tokens = file + "/none" }, "reading tokens: open .*/none: not a directory"},
		"bad dataset": {func(c *local.Config) { c.Console.Datasets = map[string][]byte{"d": nil} }, "dataset d: no header line"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t, "model-a")
			tt.change(&cfg)
			_, err := local.Open(cfg)
			require.Error(t, err)
			require.Regexp(t, tt.want, err.Error())
			if name != "bad dataset" {
				require.NoDirExists(t, cfg.Folder)
			}
		})
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	cfg := config(t, "model-a")
	require.NoError(t, os.MkdirAll(cfg.Folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(cfg.Folder, "logs"), nil, 0o600))
	_, err := local.Open(cfg)
	require.ErrorContains(t, err, "the data folder cannot be written")
}

func TestOneRunPerFolder(t *testing.T) {
	t.Parallel()
	cfg := config(t, "model-a")
	first, err := local.Open(cfg)
	require.NoError(t, err)
	_, err = local.Open(cfg)
	require.ErrorContains(t, err, "is in use by another run")
	first.Close()
	first.Close()
	second, err := local.Open(cfg)
	require.NoError(t, err, "what Open took is given back")
	second.Close()
}

func TestProgramThatDoesNotStart(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"exits":       `exits did not start: exit status 3; its log, .*exits.log, ends with\n    the params cannot be read$`,
		"never-ready": "never-ready did not start: not ready within 300ms",
	}
	for program, want := range tests {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			cfg := config(t, "model-a", program)
			if program == "never-ready" { // alone: nothing else is to be late
				cfg = config(t, program)
				cfg.StartTimeout = 300 * time.Millisecond
			}
			run, err := local.Open(cfg)
			require.NoError(t, err)
			defer run.Close()
			err = run.Serve(context.Background(), nil)
			require.Error(t, err)
			require.Regexp(t, want, err.Error())
			require.Equal(t, make([]int, len(cfg.Functions)), pids(run), "no program is left")
		})
	}
}
