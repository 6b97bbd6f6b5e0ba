package framework_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/serve"
)

func environment(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

var someDigest = "sha256:" + strings.Repeat("01", 32)

func TestSettings(t *testing.T) {
	defaults := framework.Settings{
		Settings: serve.Settings{
			Port: 8080, AdminPort: 9095,
			RequestTimeout: time.Minute, MaxBody: 1 << 20,
			HeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 3 * time.Minute,
			WriteTimeout: 30 * time.Second, DrainDelay: 3 * time.Second, DrainTimeout: time.Minute,
			Revision: "local",
		},
		ParamsPath: "p", ParamsPoll: time.Second, ParamsStartTimeout: 2 * time.Second,
		Components: map[string]string{},
	}
	for _, test := range []struct {
		name   string
		env    map[string]string
		change func(*framework.Settings)
	}{
		{"the defaults", nil, func(*framework.Settings) {}},
		{"on Knative the proxy drains", map[string]string{"K_REVISION": "a-00001", "PORT": "8081"}, func(s *framework.Settings) {
			s.Revision, s.DrainDelay, s.Port = "a-00001", 0, 8081
		}},
		{"a registry", map[string]string{"PARAMS_PATH": "", "PARAMS_URL": "http://registry", "PARAMS_VERSION": "7", "PARAMS_DIGEST": someDigest, "PARAMS_FALLBACK": "none"}, func(s *framework.Settings) {
			s.ParamsPath, s.ParamsURL, s.ParamsPoll, s.ParamsVersion, s.ParamsDigest, s.NoFallback = "", "http://registry", 10*time.Second, 7, someDigest, true
		}},
		{"limits", map[string]string{
			"HOST": "127.0.0.1", "PORT": "0", "ADMIN_PORT": "0", "MAX_BODY_BYTES": "10", "REQUEST_TIMEOUT": "1s", "HEADER_TIMEOUT": "2s",
			"READ_TIMEOUT": "3s", "IDLE_TIMEOUT": "4s", "WRITE_TIMEOUT": "6s", "DRAIN_DELAY": "0s", "DRAIN_TIMEOUT": "5s", "LOG_LEVEL": "debug", "TOKENS_PATH": "t",
		}, func(s *framework.Settings) {
			s.Host, s.Port, s.AdminPort, s.MaxBody, s.LogLevel, s.TokensPath = "127.0.0.1", 0, 0, 10, slog.LevelDebug, "t"
			s.RequestTimeout, s.HeaderTimeout, s.ReadTimeout = time.Second, 2*time.Second, 3*time.Second
			s.IdleTimeout, s.WriteTimeout, s.DrainDelay, s.DrainTimeout = 4*time.Second, 6*time.Second, 0, 5*time.Second
		}},
		{"tokens", map[string]string{"TOKENS": "a sha256:…"}, func(s *framework.Settings) { s.Tokens = "a sha256:…" }},
		{"the URL of a component", map[string]string{"COMPONENT_D_URL": "http://d", "OTHER_URL": "http://other"}, func(s *framework.Settings) {
			s.Components["component-d"] = "http://d"
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := map[string]string{"PARAMS_PATH": "p"}
			for name, value := range test.env {
				env[name] = value
			}
			want := defaults
			want.Components = map[string]string{}
			test.change(&want)
			got, err := framework.SettingsFrom(environment(env), "component-d", "e")
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestWrongSettings(t *testing.T) {
	tokens := map[string]string{"TOKENS_PATH": "a sha256:…"} // beside which they are wrong
	for _, test := range []struct{ name, value, err string }{
		{"PARAMS_PATH", "", "PARAMS_PATH: not set"},
		{"PORT", "65536", `PORT: "65536" is not a number from 0 to 65535`},
		{"PORT", "9095", "ADMIN_PORT: the same as PORT"},
		{"MAX_BODY_BYTES", "0", "MAX_BODY_BYTES: "},
		{"DRAIN_TIMEOUT", "0s", "DRAIN_TIMEOUT: "},
		{"REQUEST_TIMEOUT", "60", "REQUEST_TIMEOUT: "},
		{"PARAMS_VERSION", "7", "PARAMS_VERSION: set without PARAMS_URL"},
		{"PARAMS_VERSION", "-1", "PARAMS_VERSION: "},
		{"PARAMS_URL", "registry", `PARAMS_URL: "registry" is not an http or https URL`},
		{"COMPONENT_D_URL", "ftp://d", `COMPONENT_D_URL: "ftp://d" is not an http or https URL`},
		{"PARAMS_DIGEST", "7", `PARAMS_DIGEST: "7" is not sha256: and 64 hexadecimal digits`},
		{"PARAMS_DIGEST", someDigest, "PARAMS_DIGEST: set without PARAMS_VERSION"},
		{"PARAMS_FALLBACK", "some", "PARAMS_FALLBACK: "},
		{"LOG_LEVEL", "loud", "LOG_LEVEL: "},
		{"TOKENS_PATH", "p", "TOKENS: set together with TOKENS_PATH"},
	} {
		_, err := framework.SettingsFrom(environment(map[string]string{"PARAMS_PATH": "p", "TOKENS": tokens[test.name], test.name: test.value}), "component-d")
		require.ErrorContains(t, err, "settings: "+test.err)
	}
	_, err := framework.SettingsFrom(environment(map[string]string{"PORT": "x", "ADMIN_PORT": "y"}))
	for _, part := range []string{"PORT: ", "ADMIN_PORT: ", "PARAMS_PATH: "} {
		require.ErrorContains(t, err, part, "everything is said at once")
	}
}
