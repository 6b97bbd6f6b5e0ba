package cli

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the reference instead of comparing with it")

const referencePath = "../../REFERENCE.md"

// TestReference holds the reference to the commands; 'make generate' writes it.
func TestReference(t *testing.T) {
	a := &app{format: "text"}
	root := a.root()
	addCompletion(root)
	var text bytes.Buffer
	text.WriteString("# The commands of modelfn\n\nGenerated from the program's own help by `make generate`.\n\n")
	describe(t, &text, root)

	if *update {
		require.NoError(t, os.WriteFile(referencePath, text.Bytes(), 0o644))
	}
	file, err := os.ReadFile(referencePath)
	require.NoError(t, err)
	require.Equal(t, string(file), text.String(), "out of date: make generate")
}

// describe writes a command and those below it.
func describe(t *testing.T, w *bytes.Buffer, cmd *cobra.Command) {
	anchor := func(file string) string {
		return "#" + strings.ReplaceAll(strings.TrimSuffix(file, ".md"), "_", "-")
	}
	require.NoError(t, doc.GenMarkdownCustom(cmd, w, anchor))
	for _, below := range cmd.Commands() {
		if below.IsAvailableCommand() && below.Name() != "help" {
			describe(t, w, below)
		}
	}
}
