package program_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelfn/modelfn/framework/program"
)

func TestRun(t *testing.T) {
	tests := map[string]struct {
		args           []string
		code           int
		serves         bool
		stdout, stderr string // what is among it
	}{
		"serves":          {nil, 0, true, "", ""},
		"version":         {[]string{"--version"}, 0, false, "thing ", ""},
		"a flag of its":   {[]string{"--describe"}, 0, false, "described", ""},
		"a flag fails":    {[]string{"--fail"}, 1, false, "", "thing: no\n"},
		"help":            {[]string{"--help"}, 0, false, "", "print what it is"},
		"an unknown flag": {[]string{"--port=80"}, 2, false, "", "-port"},
		"an argument":     {[]string{"serve"}, 2, false, "", "thing: it takes no arguments, only environment variables\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			served := false
			p := program.Program{
				Name:  "thing",
				Serve: func(context.Context) error { served = true; return nil },
				Prints: []program.Print{
					{"describe", "print what it is", func(w io.Writer) error { _, err := io.WriteString(w, "described"); return err }},
					{"fail", "fail", func(io.Writer) error { return errors.New("no") }},
				},
			}
			var stdout, stderr bytes.Buffer
			assert.Equal(t, tt.code, p.Run(t.Context(), tt.args, &stdout, &stderr))
			assert.Equal(t, tt.serves, served)
			assert.Contains(t, stdout.String(), tt.stdout)
			assert.Contains(t, stderr.String(), tt.stderr)
		})
	}
	t.Run("fails", func(t *testing.T) {
		var stderr bytes.Buffer
		p := program.Program{Name: "thing", Serve: func(context.Context) error { return errors.New("cut off") }}
		assert.Equal(t, 1, p.Run(t.Context(), nil, io.Discard, &stderr))
		assert.Equal(t, "thing: cut off\n", stderr.String())
	})
}
