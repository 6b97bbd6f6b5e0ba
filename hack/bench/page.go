//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	pageShownBar  = 1000 // ms, on the slow connection
	pageScriptBar = 200  // kB
	pageFrameBar  = 50   // ms: what is longer is a long task to a browser
	pageServerBar = 50   // ms
	pageSaves     = 20
)

// pageSeen is what e2e/measure.mjs prints.
type pageSeen struct {
	Bare, Models, Effect struct{ Slow, Preset, Local pageLoad }
	Save                 struct{ Median, Slowest float64 } // ms
	Many                 struct {
		Server        struct{ Models, Params, Newest, Oldest float64 } // ms
		Models        float64                                          // ms until they are shown
		ModelFrames   pageFrames
		VersionFrames pageFrames
	}
}

// pageLoad is one load of a place: milliseconds, bytes, and the layout shift's score.
type pageLoad struct {
	FirstContentfulPaint, ContentShown float64
	JavascriptBytes, StyleBytes        float64
	LayoutShift                        float64
}

type pageFrames struct{ P95, Longest, LongestTask float64 } // ms

// page measures the page as it ships, in Chromium before a local run of all models.
// The baseline is a page of one line from a server of its own.
func page(ctx context.Context, s *session) (_ report, err error) {
	s.progress.say("page: building")
	build := exec.CommandContext(ctx, filepath.Join(s.root, "hack", "build"))
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("hack/build: %w\n%s", err, out)
	}
	web := filepath.Join(s.root, "knative", "console", "web")
	if _, err := os.Stat(filepath.Join(web, "dist", "index.html")); err != nil {
		return nil, errors.New("the page is not built, as there is no Node.js; hack/browser installs what it needs")
	}
	url, stop, err := startRun(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	saves, versions := pageSaves, manyVersions
	if s.quick {
		saves, versions = 2, 10
	}
	s.progress.say("page: measuring in Chromium")
	measure := exec.CommandContext(ctx, "node", "e2e/measure.mjs", url,
		"--rounds", strconv.Itoa(s.rounds), "--saves", strconv.Itoa(saves), "--versions", strconv.Itoa(versions))
	var problems bytes.Buffer
	measure.Dir, measure.Stderr = web, &problems
	out, err := measure.Output()
	if err != nil {
		return nil, fmt.Errorf("e2e/measure.mjs: %w\n%s", err, problems.Bytes())
	}
	var seen pageSeen
	if err := json.Unmarshal(out, &seen, json.MatchCaseInsensitiveNames(true)); err != nil {
		return nil, fmt.Errorf("reading what e2e/measure.mjs printed: %w", err)
	}
	return seen.report(s.rounds, saves, versions), nil
}

func (p *pageSeen) report(rounds, saves, versions int) *facts {
	f := &facts{Notes: fmt.Sprintf(`Medians of %d loads with an empty cache, but the largest layout shift of all. A place is shown when all of its content is
painted: the card of every model, the curve of every model. Slow is 1.6 Mbit/s and 150 ms for each request, as Chromium emulates
it: WebPageTest's "3G Fast". DevTools' "Slow 4G", once "Fast 3G", delays each request by 562 ms instead, as Lighthouse does where it
has Chromium emulate: what a page loads by its second request cannot be there within a second, so that there is no bar. The bare page is one line of HTML
from a server of its own. Save is the click, of %d; shown is when the page says that all %d replicas have it. The server's times
are those of whole answers. The lists are of %d models and %d versions of one; each second the stream tells how all of the models
do, and that one has other params. The longest task is 0 where none held the page up for 50 ms.`, rounds, saves, liveReplicas, manyModels, versions)}
	f.add("bare page, slow: first contentful paint", "ms", p.Bare.Slow.FirstContentfulPaint)
	f.atMost(pageShownBar, "models, slow: first contentful paint", "ms", p.Models.Slow.FirstContentfulPaint)
	f.atMost(pageShownBar, "models, slow: all of them shown", "ms", p.Models.Slow.ContentShown)
	f.add("a model's effect, slow: first contentful paint", "ms", p.Effect.Slow.FirstContentfulPaint)
	f.add("a model's effect, slow: its curves shown", "ms", p.Effect.Slow.ContentShown)
	f.add("bare page, DevTools' Slow 4G: first contentful paint", "ms", p.Bare.Preset.FirstContentfulPaint)
	f.add("models, DevTools' Slow 4G: first contentful paint", "ms", p.Models.Preset.FirstContentfulPaint)
	f.add("models, DevTools' Slow 4G: all of them shown", "ms", p.Models.Preset.ContentShown)
	f.add("bare page, local: first contentful paint", "ms", p.Bare.Local.FirstContentfulPaint)
	f.add("models, local: all of them shown", "ms", p.Models.Local.ContentShown)
	f.add("a model's effect, local: its curves shown", "ms", p.Effect.Local.ContentShown)
	f.atMost(pageScriptBar, "models: JavaScript", "kB", p.Models.Local.JavascriptBytes/1000)
	f.atMost(pageScriptBar, "a model's effect: JavaScript", "kB", p.Effect.Local.JavascriptBytes/1000)
	f.add("a model's effect: style", "kB", p.Effect.Local.StyleBytes/1000)
	f.atMost(0, "models: layout shift", "", max(p.Models.Slow.LayoutShift, p.Models.Preset.LayoutShift, p.Models.Local.LayoutShift))
	f.atMost(0, "a model's effect: layout shift", "", max(p.Effect.Slow.LayoutShift, p.Effect.Preset.LayoutShift, p.Effect.Local.LayoutShift))
	f.atMost(liveBar, "save to all replicas shown, median", "ms", p.Save.Median)
	f.add("save to all replicas shown, slowest", "ms", p.Save.Slowest)
	f.atMost(pageServerBar, "many models: the server's list", "ms", p.Many.Server.Models)
	f.atMost(pageServerBar, "many models: the server's params", "ms", p.Many.Server.Params)
	f.atMost(pageServerBar, "many versions: the server's newest", "ms", p.Many.Server.Newest)
	f.atMost(pageServerBar, "many versions: the server's oldest", "ms", p.Many.Server.Oldest)
	f.add("many models: all of them shown", "ms", p.Many.Models)
	f.atMost(pageFrameBar, "many models: frames while scrolling, p95", "ms", p.Many.ModelFrames.P95)
	f.atMost(pageFrameBar, "many models: longest task of the page", "ms", p.Many.ModelFrames.LongestTask)
	f.add("many models: longest frame", "ms", p.Many.ModelFrames.Longest)
	f.atMost(pageFrameBar, "many versions: frames while paging, p95", "ms", p.Many.VersionFrames.P95)
	f.atMost(pageFrameBar, "many versions: longest task of the page", "ms", p.Many.VersionFrames.LongestTask)
	f.add("many versions: longest frame", "ms", p.Many.VersionFrames.Longest)
	return f
}

// startRun starts modelfn run as it was built, with four replicas of each model, and
// returns its address, and what ends it.
func startRun(ctx context.Context, s *session) (url string, stop func() error, err error) {
	folder, err := os.MkdirTemp(s.dir, "page-")
	if err != nil {
		return "", nil, err
	}
	run := exec.CommandContext(ctx, filepath.Join(s.root, "bin", "modelfn"), "run",
		"--listen", "127.0.0.1:0", "--replicas", strconv.Itoa(liveReplicas), "--data", folder, "-o", "json")
	run.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	run.Cancel = func() error { return run.Process.Signal(syscall.SIGTERM) }
	run.WaitDelay = 10 * time.Second
	var problems bytes.Buffer
	run.Stderr = &problems
	out, err := run.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := run.Start(); err != nil {
		return "", nil, err
	}
	var said struct {
		URL string `json:"url"`
	}
	lines := bufio.NewScanner(out)
	for said.URL == "" && lines.Scan() {
		if bytes.HasPrefix(lines.Bytes(), []byte("{")) {
			err = json.Unmarshal(lines.Bytes(), &said)
		}
	}
	stop = func() error {
		_ = run.Process.Signal(syscall.SIGTERM) // it may have ended
		return run.Wait()
	}
	if said.URL == "" {
		return "", nil, errors.Join(fmt.Errorf("modelfn run did not start: %s", problems.Bytes()), err, stop())
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // it ends with the run
	return said.URL, stop, nil
}
