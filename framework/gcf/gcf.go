// Package gcf serves a function under functions-framework-go, as Cloud Run
// functions does.
//
// [Register] is called from init in the function's package:
//
//	//go:embed params.json
//	var params []byte
//
//	func init() {
//		gcf.Register("predict", quantile.Model("model-a"), params, framework.Component(standardize.Model))
//	}
//
// The HTTP contract is the same as in a program of its own, and so are the
// settings (see [framework.SettingsFrom]), of which HOST, PORT, ADMIN_PORT and
// the limits on connections mean nothing: the listener, its limits and its end
// are that framework's. There is no admin port, and no drain.
//
// Three things of functions-framework-go are good to know. It serves a function at
// the root only if FUNCTION_TARGET names it; else below its name, of which it
// prints a line to standard output. With K_SERVICE set it ends every request with
// an empty line on standard output and on standard error, between the lines of the
// log. And SIGTERM ends it at once, so that the log is written after each request.
//
// Register is for init, one goroutine; what it registers is safe for concurrent
// use. Tests use [New], whose handler runs in any server.
package gcf

import (
	"context"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/modelfn/modelfn/framework"
)

// loadTimeout bounds the first load: the platform counts it as part of the start.
const loadTimeout = 2 * time.Second

// Register makes a function known to functions-framework-go by a name, and keeps
// it on its params from then on. bundle is what it serves if neither PARAMS_PATH
// nor PARAMS_URL is set, and the fallback of PARAMS_URL; nil for none.
//
// As functions.HTTP does, it ends the program if a setting or the model is wrong,
// or the name is taken.
func Register(name string, f framework.Function, bundle []byte, opts ...framework.Option) {
	handler, err := New(context.Background(), os.Getenv, os.Stderr, f, bundle, opts...)
	if err != nil {
		log.Fatalf("function %s: %v", name, err)
	}
	functions.HTTP(name, handler.ServeHTTP)
}

// New returns the handler of a function that is kept on its params until ctx ends.
// It waits for the first load, for two seconds at most; a function whose params
// are not there by then is not ready, and says why.
func New(ctx context.Context, getenv func(string) string, log io.Writer, f framework.Function, bundle []byte, opts ...framework.Option) (http.Handler, error) {
	if bundle != nil {
		opts = append(slices.Clone(opts), framework.Baked(bundle))
	}
	replica, err := framework.ReplicaFrom(getenv, f, log, opts...)
	if err != nil {
		return nil, err
	}
	loading, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	_ = replica.Load(loading) // the log and /health/ready tell, and Run goes on
	go replica.Run(ctx)
	handler := replica.Handler(false)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer replica.Flush()
		handler.ServeHTTP(w, r)
	}), nil
}
