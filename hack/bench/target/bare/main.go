// Command bare serves the benchmark's model with net/http alone.
package main

import (
	"log"
	"net"
	"net/http"
	"os"

	"github.com/modelfn/modelfn/hack/bench/target/linear"
)

func main() {
	model, err := linear.Load(os.Getenv("MODEL"))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /predict", model)
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), mux))
}
