//go:build linux

package program

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/hack/bench/load"
)

const answering = `package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "about to", os.Getenv("DO"))
	if os.Getenv("DO") == "end" {
		os.Exit(3)
	}
	http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "here")
	}))
}
`

var here = load.Exchange{Request: []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), Answer: []byte("here")}

// built is a program that answers, or ends if $DO says so.
func built(t *testing.T) string {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module answering\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(answering), 0o600))
	path, err := Build(t.Context(), dir, dir, "answering")
	require.NoError(t, err)
	return path
}

func TestProcess(t *testing.T) {
	path := built(t)

	p, err := Start(t.Context(), path, "DO=answer")
	require.NoError(t, err)
	defer p.Stop()
	took, err := p.FirstAnswer(t.Context(), here)
	require.NoError(t, err)
	require.Positive(t, took)
	now, most, err := p.Memory()
	require.NoError(t, err)
	require.Greater(t, now, int64(1<<20))
	require.GreaterOrEqual(t, most, now)
	cpu, err := p.CPU()
	require.NoError(t, err)
	require.Positive(t, cpu)
	p.Stop()
	_, _, err = p.Memory()
	require.Error(t, err)

	failed, err := Start(t.Context(), path, "DO=end")
	require.NoError(t, err)
	defer failed.Stop()
	_, err = failed.FirstAnswer(t.Context(), here)
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "about to end")
}

func TestBuildSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module wrong\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() { undefined() }\n"), 0o600))
	_, err := Build(t.Context(), dir, dir, "wrong")
	require.ErrorContains(t, err, "undefined: undefined")
}
