package gcf_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/framework/gcf"
	"github.com/modelfn/modelfn/framework/gcf/gcftest"
)

// TestConformance: the HTTP contract holds behind functions-framework-go.
func TestConformance(t *testing.T) {
	c := frameworktest.LinearCase(t)
	c.Serve = gcftest.Serve
	t.Run("handler", func(t *testing.T) { frameworktest.Handler(t, c) })
	t.Run("fences", func(t *testing.T) { frameworktest.Fences(t, gcftest.Serve) })
}

func linearBundle(t testing.TB) []byte {
	text, err := frameworktest.LinearCase(t).Bundle.Encode()
	require.NoError(t, err)
	return text
}

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestNew(t *testing.T) {
	ready := func(t *testing.T, env func(string) string, bundle []byte) int {
		h, err := gcf.New(t.Context(), env, io.Discard, frameworktest.Linear, bundle, framework.Component(frameworktest.Scale))
		require.NoError(t, err)
		resp, err := http.Get(gcftest.Serve(t, h) + "/health/ready")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	t.Run("the bundle serves from the first request on", func(t *testing.T) {
		require.Equal(t, http.StatusOK, ready(t, environment(), linearBundle(t)))
	})
	t.Run("PARAMS_PATH comes before the bundle", func(t *testing.T) {
		require.Equal(t, http.StatusServiceUnavailable, ready(t, environment("PARAMS_PATH", "/not/there"), linearBundle(t)))
	})
	t.Run("a registry that is away leaves the bundle", func(t *testing.T) {
		env := environment("PARAMS_URL", "http://127.0.0.1:1", "PARAMS_START_TIMEOUT", "10ms")
		h, err := gcf.New(t.Context(), env, io.Discard, frameworktest.Linear, linearBundle(t), framework.Component(frameworktest.Scale))
		require.NoError(t, err)
		url := gcftest.Serve(t, h)
		gcftest.Await(t, func() bool {
			resp, err := http.Get(url + "/health/ready")
			return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
		})
	})
	t.Run("a bundle that is none", func(t *testing.T) {
		require.Equal(t, http.StatusServiceUnavailable, ready(t, environment(), []byte(`{"documents":[]}`)))
	})
	t.Run("no params at all", func(t *testing.T) {
		_, err := gcf.New(t.Context(), environment(), io.Discard, frameworktest.Linear, nil)
		require.ErrorContains(t, err, "PARAMS_PATH")
	})
	t.Run("a wrong setting", func(t *testing.T) {
		_, err := gcf.New(t.Context(), environment("LOG_LEVEL", "loud"), io.Discard, frameworktest.Linear, linearBundle(t))
		require.ErrorContains(t, err, "LOG_LEVEL")
	})
	t.Run("it is not kept after the context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h, err := gcf.New(ctx, environment(), io.Discard, frameworktest.Linear, linearBundle(t), framework.Component(frameworktest.Scale))
		require.NoError(t, err)
		url := gcftest.Serve(t, h)
		cancel()
		gcftest.Await(t, func() bool {
			resp, err := http.Get(url + "/health/ready")
			return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusServiceUnavailable
		})
	})
}

// asFunction makes the test binary a Cloud Run function.
const asFunction = "TEST_AS_FUNCTION"

func TestMain(m *testing.M) {
	if os.Getenv(asFunction) == "" {
		os.Exit(m.Run())
	}
	bundle, err := os.ReadFile(os.Getenv(asFunction))
	if err != nil {
		panic(err)
	}
	gcf.Register("predict", frameworktest.Linear, bundle, framework.Component(frameworktest.Scale))
	fmt.Fprintln(os.Stderr, funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")))
	os.Exit(1)
}

// TestRegister: a program that registers a function answers as that function, with
// the settings of its environment, and ends as that framework does.
func TestRegister(t *testing.T) {
	bundle := t.TempDir() + "/params.json"
	require.NoError(t, os.WriteFile(bundle, linearBundle(t), 0o600))
	start := func(t *testing.T, port string, env ...string) (*exec.Cmd, *strings.Builder, *strings.Builder) {
		cmd := exec.Command(os.Args[0])
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		cmd.Env = append([]string{asFunction + "=" + bundle, "PORT=" + port, "FUNCTION_TARGET=predict"}, env...)
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended, unless the test failed
		return cmd, &stdout, &stderr
	}
	t.Run("it predicts", func(t *testing.T) {
		port := gcftest.FreePort(t)
		temporary := t.TempDir()
		cmd, stdout, stderr := start(t, port, "K_SERVICE=linear", "K_REVISION=linear-00001", "TMPDIR="+temporary)
		var body string
		gcftest.Await(t, func() bool {
			resp, err := http.Post("http://127.0.0.1:"+port+"/predict", "application/json", strings.NewReader(`{"input":[2,4]}`))
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, resp.StatusCode, "the first request is answered")
			require.Equal(t, "linear-00001", resp.Header.Get("Modelfn-Revision"))
			body = string(text)
			return true
		})
		require.Equal(t, `{"output":21.25}`, body)
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.Error(t, cmd.Wait(), "it has no clean end")
		left, err := os.ReadDir(temporary)
		require.NoError(t, err)
		require.Empty(t, left, "it leaves nothing behind")
		require.Equal(t, "\n", stdout.String(), "what that framework prints for a request")
		require.Contains(t, stderr.String(), `"route":"predict","status":200`, "the log is whole all the same")
	})
	t.Run("a wrong setting ends it", func(t *testing.T) {
		cmd, _, stderr := start(t, "0", "LOG_LEVEL=loud")
		require.Error(t, cmd.Wait())
		require.Equal(t, 1, cmd.ProcessState.ExitCode())
		require.Contains(t, stderr.String(), "function predict: settings: LOG_LEVEL")
	})
}
