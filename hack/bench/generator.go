//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"os/exec"

	"github.com/modelfn/modelfn/hack/bench/load"
	"github.com/modelfn/modelfn/hack/bench/program"
)

// generator is the path of the program that makes a load, in a process of its own.
type generator string

func buildGenerator(ctx context.Context, s *session) (generator, error) {
	path, err := program.Build(ctx, s.root, s.dir, "./hack/bench/load/generator")
	return generator(path), err
}

// run makes a load.
func (g generator) run(ctx context.Context, p load.Plan) (result load.Result, err error) {
	var plan, answer, problem bytes.Buffer
	if err := gob.NewEncoder(&plan).Encode(p); err != nil {
		return result, err
	}
	cmd := exec.CommandContext(ctx, string(g))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &plan, &answer, &problem
	if err := cmd.Run(); err != nil {
		return result, fmt.Errorf("%w: %s", err, &problem)
	}
	err = gob.NewDecoder(&answer).Decode(&result)
	return result, err
}
