package frameworktest

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	dto "github.com/prometheus/client_model/go"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/params"
)

// Process builds the program of a function, and tests what only a process has.
func Process(t *testing.T, c Case) {
	p := newSubject(t, c).build(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, *program)
	}{
		{"describe", testDescribe},
		{"settings", testSettings},
		{"ports", testPorts},
		{"start without params", testLateParams},
		{"reload", testReload},
		{"bad params", testReloadBad},
		{"metrics", testMetrics},
		{"log", testLog},
		{"limits", testLimits},
		{"long prediction", testLongPrediction},
		{"end", testEnd},
		{"end under load", testEndUnderLoad},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.test(t, p)
		})
	}
}

func testDescribe(t *testing.T, p *program) {
	r := p.launch(t).begin("--describe")
	require.Zero(t, r.exit())
	var got framework.Description
	require.NoError(t, json.Unmarshal([]byte(strings.Join(r.out.find(), "")), &got))
	require.Equal(t, p.name, got.Model)
	require.NotEmpty(t, got.Signature.Inputs)
	require.NotEmpty(t, got.Signature.Outputs)
	require.NotEmpty(t, got.Schema)
	require.NotNil(t, got.Components)

	r = p.launch(t).begin("--version")
	require.Zero(t, r.exit())
	require.Len(t, r.out.find(p.name), 1)

	r = p.launch(t).begin("--help")
	require.Zero(t, r.exit())
	require.NotEmpty(t, r.log.find("-describe"))

	require.Equal(t, 2, p.launch(t).begin("--no-such-flag").exit())
	require.Equal(t, 2, p.launch(t).begin("argument").exit())
}

// testSettings: everything that is wrong is said at once, by its name.
func testSettings(t *testing.T, p *program) {
	wrong := []string{
		"PORT=http", "ADMIN_PORT=-1", "PARAMS_PATH=", "PARAMS_POLL=often", "REQUEST_TIMEOUT=0", "MAX_BODY_BYTES=1k",
		"HEADER_TIMEOUT=x", "READ_TIMEOUT=x", "IDLE_TIMEOUT=x", "WRITE_TIMEOUT=x", "DRAIN_DELAY=-1s", "DRAIN_TIMEOUT=x", "LOG_LEVEL=loud",
	}
	r := p.launch(t, wrong[:6]...).begin()
	require.Equal(t, 1, r.exit())
	text := strings.Join(r.log.find(), "")
	require.True(t, strings.HasPrefix(text, p.name+": settings: "), text)
	for _, setting := range wrong[:6] {
		name, _, _ := strings.Cut(setting, "=")
		require.Contains(t, text, name+": ")
	}
	for _, setting := range wrong {
		r := p.launch(t, setting).begin()
		require.Equal(t, 1, r.exit(), setting)
		name, _, _ := strings.Cut(setting, "=")
		require.NotEmpty(t, r.log.find(name+": "), setting)
	}
	r = p.launch(t, "TOKENS_PATH=/does/not/exist").begin()
	require.Equal(t, 1, r.exit())
	require.NotEmpty(t, r.log.find("/does/not/exist"))
}

func testPorts(t *testing.T, p *program) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() }) // nothing came of it
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	t.Run("the traffic port is taken", func(t *testing.T) {
		r := p.launch(t, "PORT="+port).begin()
		require.Equal(t, 1, r.exit())
		require.NotEmpty(t, r.log.find(p.name+": opening the traffic port", port, "address already in use"))
	})
	t.Run("the admin port is taken", func(t *testing.T) {
		r := p.launch(t, "ADMIN_PORT="+port).begin()
		require.Equal(t, 1, r.exit())
		require.NotEmpty(t, r.log.find(p.name+": opening the admin port", port, "address already in use"))
	})
	t.Run("without a host it listens on all interfaces", func(t *testing.T) {
		r := p.start(t, "HOST=")
		c := &client{t, strings.Replace(r.url, "127.0.0.1", "127.0.0.2", 1)}
		require.Equal(t, http.StatusOK, c.get("/health/live").status)
		c.post("/evaluate", `{}`).refused(t, http.StatusUnauthorized)
	})
	t.Run("who reaches loopback may evaluate", func(t *testing.T) {
		c := p.start(t).client()
		a := c.post("/evaluate", `{"params":`+string(p.doc.Params)+`,"inputs":[]}`)
		require.Equal(t, http.StatusOK, a.status, a.body)
	})
}

// testLateParams: without params the program is not ready, says why, and becomes
// ready when they are there.
func testLateParams(t *testing.T, p *program) {
	r := p.launch(t).begin()
	r.listening()
	c := r.client()
	require.Equal(t, http.StatusOK, c.get("/health/live").status)
	a := c.get("/health/ready")
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Contains(t, a.body, "no params are loaded yet")
	c.post("/predict", `{"inputs":[]}`).refused(t, http.StatusServiceUnavailable)
	r.log.wait(t, `"msg":"params not applied"`, r.bundle)
	r.put(p.name, p.Bundle)
	require.Equal(t, p.Examples[0].Output, c.predict(p.Examples[0].Input))
	require.Equal(t, http.StatusOK, c.get("/health/ready").status)
	r.stop()
}

// testReloadBad: a bundle that does not fit is reported everywhere, and what runs
// stays.
func testReloadBad(t *testing.T, p *program) {
	r := p.start(t)
	c := r.client()
	WriteBundle(t, r.bundle, Bundle(Document(t, p.name, p.doc.Version+2, `{"no":"such field"}`)))
	line := r.log.wait(t, `"msg":"params not applied"`)
	require.Contains(t, line, `"level":"ERROR"`)
	require.Contains(t, line, "params.no: unknown field")
	u := c.used()
	require.Equal(t, params.Rejected, u.State)
	require.Contains(t, u.Rejected.Error, "params.no: unknown field")
	require.Equal(t, p.doc.Digest, u.Digest)
	require.Equal(t, "1", r.metric("modelfn_params_reloads_total", "result", "rejected", "reason", "params"))
	require.Equal(t, decimal(p.doc.Version), r.metric("modelfn_params_version"))
	require.Equal(t, decimal(p.doc.Version+2), r.metric("modelfn_params_wanted_version"))
	require.NotEqual(t, "0", r.metric("modelfn_params_lag_seconds"))
	require.Equal(t, http.StatusOK, c.get("/health/ready").status)
	require.Equal(t, p.Examples[0].Output, c.predict(p.Examples[0].Input))
	r.put(p.name, p.Other)
	require.Equal(t, params.Serving, c.used().State)
	require.Equal(t, "0", r.metric("modelfn_params_lag_seconds"))
	r.stop()
	require.Len(t, r.log.find(`"msg":"params not applied"`), 1, "a reason is said once")
}

// testMetrics: the admin port shows metrics and profiles, and the traffic port
// does not.
func testMetrics(t *testing.T, p *program) {
	r := p.start(t)
	c, admin := r.client(), &client{t, r.admin}
	c.predict(p.Examples[0].Input)
	c.predict(p.Examples[0].Input)
	c.post("/predict", `{}`).refused(t, http.StatusBadRequest)
	// What is counted shows a moment after it happened.
	waitFor(t, "the requests are counted", func() bool {
		return r.metric("modelfn_requests_total", "route", "predict", "code", "400") == "1"
	})
	waitFor(t, "the start is counted", func() bool {
		return r.metric("modelfn_params_reloads_total", "result", "applied") == "1" && r.metric("modelfn_ready_seconds") != "0"
	})
	require.Equal(t, "2", r.metric("modelfn_requests_total", "route", "predict", "code", "200"))
	require.Equal(t, "3", r.metric("modelfn_request_duration_seconds", "route", "predict"))
	require.Equal(t, "0", r.metric("modelfn_requests_in_flight"))
	require.Equal(t, decimal(p.doc.Version), r.metric("modelfn_params_version"))
	require.NotEqual(t, "0", r.metric("go_goroutines"))
	require.NotEqual(t, "0", r.metric("process_resident_memory_bytes"))

	require.Equal(t, http.StatusOK, admin.get("/debug/pprof/goroutine?debug=1").status)
	require.Equal(t, http.StatusNotFound, admin.post("/predict", `{}`).status)
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		require.Equal(t, http.StatusNotFound, c.get(path).status)
	}
	r.stop()
}

// metric returns the value of a metric as text, the count of a histogram, "0" if
// there is none with the labels, which are names and values in turn. Every metric
// of the framework has the model's name.
func (r *process) metric(name string, labels ...string) string {
	r.t.Helper()
	a := (&client{r.t, r.admin}).get("/metrics")
	require.Equal(r.t, http.StatusOK, a.status)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(a.body))
	require.NoError(r.t, err)
	text := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	family, ok := families[name]
	require.True(r.t, ok, "there is no metric %s", name)
next:
	for _, m := range family.Metric {
		found := map[string]string{}
		for _, l := range m.Label {
			found[l.GetName()] = l.GetValue()
		}
		require.True(r.t, found["model"] != "" || !strings.HasPrefix(name, "modelfn_"), "%s has no model", name)
		for i := 0; i < len(labels); i += 2 {
			if found[labels[i]] != labels[i+1] {
				continue next
			}
		}
		switch family.GetType() {
		case dto.MetricType_COUNTER:
			return text(m.Counter.GetValue())
		case dto.MetricType_HISTOGRAM:
			return text(float64(m.Histogram.GetSampleCount()))
		default:
			return text(m.Gauge.GetValue())
		}
	}
	return "0"
}

// testLog: there is one line for each request, with all that finds it again.
func testLog(t *testing.T, p *program) {
	r := p.start(t)
	c := r.client()
	const trace = "0af7651916cd43dd8448eb211c80319c"
	a := c.post("/predict", `{"input":`+p.Examples[0].Input+`}`, "Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	require.Equal(t, http.StatusOK, a.status)
	f := c.post("/predict", `{"input":"secret of a patient"}`).refused(t, http.StatusBadRequest)
	r.stop()

	type line struct {
		Time, Level, Msg, Model, Revision, Route, Trace, ID, Error string
		Status                                                     int
		MS                                                         *float64
		Params                                                     int64
	}
	var requests []line
	for _, text := range r.log.find() {
		var l line
		require.NoError(t, json.Unmarshal([]byte(text), &l, json.MatchCaseInsensitiveNames(true)), text)
		require.Equal(t, p.name, l.Model)
		require.Equal(t, revision, l.Revision)
		if l.Route == "predict" {
			requests = append(requests, l)
		}
	}
	require.Len(t, requests, 2, "one line for each request")
	for i, want := range []line{
		{Level: "INFO", Status: 200, Trace: trace},
		{Level: "INFO", Status: 400, Trace: requests[1].Trace, ID: f.ID, Error: f.Error},
	} {
		got := requests[i]
		require.NotNil(t, got.MS)
		require.NotEmpty(t, got.Time)
		require.Regexp(t, `^[0-9a-f]{32}$`, got.Trace)
		want.Time, want.MS, want.Msg, want.Model, want.Revision, want.Route = got.Time, got.MS, "request", p.name, revision, "predict"
		want.Params = p.doc.Version
		require.Equal(t, want, got)
	}
	require.Empty(t, r.log.find("patient"), "what a request holds is nobody else's")
	require.Empty(t, r.log.find(`"route":"ready"`), "probes are not worth a line")
	require.Empty(t, r.out.find(), "the log is the only output")
}
