// Modelfn trains models, runs them on this machine and asks them for predictions.
package main

import (
	"context"
	"os"

	"github.com/modelfn/modelfn/knative/modelfn/internal/cli"
)

func main() {
	os.Exit(cli.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
