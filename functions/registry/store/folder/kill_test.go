package folder

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/functions/registry/store"
)

// writerFolder makes this test program a writer to that folder.
const writerFolder = "MODELFN_TEST_WRITER_FOLDER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerFolder); path != "" {
		fmt.Fprintln(os.Stderr, writeForever(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForever appends versions and prints each when it is acknowledged.
func writeForever(path string) error {
	f, err := Open(path)
	if err != nil {
		return err
	}
	for s := store.New(f); ; {
		head, err := s.Head(context.Background(), "model-a")
		if err == nil {
			data := fmt.Sprintf("process %d, version %d", os.Getpid(), head+1)
			if err = s.Append(context.Background(), "model-a", head+1, []byte(data)); err == nil {
				fmt.Println(head+1, os.Getpid())
			}
		}
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// TestKilledProcesses writes from several real processes at once, kills them at any
// moment, and starts others.
func TestKilledProcesses(t *testing.T) {
	const rounds, processes = 15, 3
	path := t.TempDir()
	written := map[int64]int{} // process, by version
	for range rounds {
		var outputs []*bufio.Scanner
		var commands []*exec.Cmd
		for range processes {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), writerFolder+"="+path)
			cmd.Stderr = os.Stderr
			output, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			commands, outputs = append(commands, cmd), append(outputs, bufio.NewScanner(output))
		}
		for i, output := range outputs {
			for line := 1 + rand.IntN(10); line > 0 && output.Scan(); line-- {
				noteWritten(t, written, output.Text())
			}
			require.NoError(t, commands[i].Process.Kill())
		}
		for i, output := range outputs {
			for output.Scan() { // what it wrote before it was killed
				noteWritten(t, written, output.Text())
			}
			_ = commands[i].Wait() // it was killed
		}
	}
	s := store.New(mustOpen(t, path))
	head, err := s.Head(t.Context(), "model-a")
	require.NoError(t, err)
	for v := int64(1); v <= head; v++ {
		data, err := s.Get(t.Context(), "model-a", v)
		require.NoError(t, err)
		if pid, ok := written[v]; ok {
			require.Equal(t, fmt.Sprintf("process %d, version %d", pid, v), string(data))
			delete(written, v)
		}
	}
	require.Empty(t, written, "acknowledged versions that are not there")
	t.Logf("%d processes were killed over %d versions", rounds*processes, head)
}

func noteWritten(t *testing.T, written map[int64]int, line string) {
	t.Helper()
	var version int64
	var pid int
	_, err := fmt.Sscan(line, &version, &pid)
	require.NoError(t, err, line)
	require.NotContains(t, written, version, "won twice")
	written[version] = pid
}
