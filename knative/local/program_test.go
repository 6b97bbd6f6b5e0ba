package local_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelfn/modelfn/knative/local"
)

// The test program plays every program of a run: which one says the name that it
// is called by.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args[1:], "--describe") {
		_ = os.WriteFile(os.Args[0]+wasAsked, nil, 0o600) // who looks for it misses it
	}
	switch name := filepath.Base(os.Args[0]); {
	case strings.HasPrefix(name, "model"):
		playModel()
	case name == "never-ready":
		playServer(http.StatusServiceUnavailable)
	case name == "stubborn":
		signal.Ignore(syscall.SIGTERM)
		playServer(http.StatusOK)
	case name == "exits":
		fmt.Fprintln(os.Stderr, "the params cannot be read")
		os.Exit(3)
	case name == "supervisor":
		playSupervisor()
	default:
		code := m.Run()
		_ = os.RemoveAll(builtFolder)
		os.Exit(code)
	}
}

// wasAsked is what the file beside a program is called behind its name, when it was
// asked to describe itself. It does not answer.
const wasAsked = ".asked"

// playModel is a model that tells who it is, and drains at SIGTERM.
func playModel() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: model{}, ReadHeaderTimeout: time.Second}
	ended := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = server.Shutdown(context.Background())
	})
	fmt.Fprintln(os.Stderr, "listening")
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-ended
}

type model struct{}

func (model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/predict":
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	case "/environment":
		var values []string
		for _, name := range []string{"EXTRA", "PARAMS_FALLBACK", "PARAMS_VERSION", "PARAMS_DIGEST", "REQUEST_TIMEOUT", "TOKENS", "MODEL_P_URL", "MODEL_N_URL"} {
			values = append(values, os.Getenv(name))
		}
		fmt.Fprint(w, strings.Join(values, "|"))
	case "/evaluate":
		fmt.Fprint(w, strings.Join([]string{os.Getenv("PARAMS_PATH"), os.Getenv("K_SERVICE"), os.Getenv("HOST"), os.Getenv("EXTRA")}, "|"))
	}
}

func playServer(status int) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	_ = http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), h)
}

// playSupervisor is a run in a process of its own. It writes its gateway's URL
// and its programs' process ids when it serves.
func playSupervisor() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	var run *local.Run
	run, err := local.Open(local.Config{
		Listen: "127.0.0.1:0", Folder: os.Getenv("FOLDER"), Programs: filepath.Dir(os.Args[0]),
		Functions: named(strings.Split(os.Getenv("MODELS"), ",")...), Notices: os.Stderr, StartTimeout: patience,
		Ready: func() {
			fmt.Print(run.URL())
			for _, i := range run.Instances() {
				fmt.Print(" ", i.PID)
			}
			fmt.Println()
		},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer run.Close()
	if err := run.Serve(ctx, nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		run.Close()
		os.Exit(1)
	}
}
