// Command functions-framework serves the benchmark's model under
// functions-framework-go.
package main

import (
	"log"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/modelfn/modelfn/hack/bench/target/linear"
)

func main() {
	model, err := linear.Load(os.Getenv("MODEL"))
	if err != nil {
		log.Fatal(err)
	}
	functions.HTTP("predict", model.ServeHTTP)
	log.Fatal(funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")))
}
