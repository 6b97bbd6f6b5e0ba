package local_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A run that ends under load answers what it has taken.
func TestEndUnderLoad(t *testing.T) {
	t.Parallel()
	r := start(t, config(t, "model-a"))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	var answered atomic.Int64
	var load sync.WaitGroup
	for range 16 {
		load.Go(func() {
			for {
				resp, err := client.Post(r.URL()+"/model-a/predict", "application/json", strings.NewReader("hello"))
				if err != nil {
					return // nobody takes connections any more
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(got) != "hello" {
					t.Errorf("status %d, %q: %v", resp.StatusCode, got, err)
				}
				answered.Add(1)
			}
		})
	}
	require.Eventually(t, func() bool { return answered.Load() > 500 }, patience, time.Millisecond)
	require.NoError(t, r.end())
	load.Wait()
}

// A program that does not listen to SIGTERM is killed, after a while or at once.
func TestStubbornProgram(t *testing.T) {
	t.Parallel()
	for _, hurry := range []bool{false, true} {
		t.Run(fmt.Sprint("hurry ", hurry), func(t *testing.T) {
			t.Parallel()
			cfg := config(t, "stubborn")
			cfg.Grace = 10 * time.Millisecond
			if hurry {
				cfg.Grace = 10 * time.Minute
			}
			r := start(t, cfg)
			left := pids(r.Run)
			if hurry {
				r.hurry()
			}
			require.NoError(t, r.end())
			require.True(t, gone(left[0]))
		})
	}
}

// supervisor starts a run in a process of its own and waits until it serves.
func supervisor(t *testing.T, models ...string) (cmd *exec.Cmd, url string, pids []int) {
	t.Helper()
	cmd = exec.Command(filepath.Join(programs(t, append(models, "supervisor")...), "supervisor"))
	cmd.Env = append(os.Environ(), "FOLDER="+filepath.Join(t.TempDir(), "data"), "MODELS="+strings.Join(models, ","))
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	fields := strings.Fields(line)
	for _, field := range fields[1:] {
		pid, err := strconv.Atoi(field)
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	require.Len(t, pids, len(models))
	return cmd, fields[0], pids
}

func TestSignalsEndTheRun(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			cmd, url, pids := supervisor(t, "model-a", "model-b")
			require.Eventually(t, func() bool {
				resp, err := http.Post(url+"/model-a/predict", "application/json", strings.NewReader("x"))
				if err != nil {
					return false
				}
				resp.Body.Close()
				return resp.StatusCode == http.StatusOK
			}, patience, time.Millisecond)
			require.NoError(t, cmd.Process.Signal(signal))
			require.NoError(t, cmd.Wait(), "the exit code is 0")
			for _, pid := range pids {
				assert.True(t, gone(pid), "process %d is left", pid)
			}
		})
	}
}
