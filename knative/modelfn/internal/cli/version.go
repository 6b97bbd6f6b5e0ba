package cli

import (
	"cmp"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// buildVersion is what the tool was built from.
type buildVersion struct {
	Version  string `json:"version"`           // of the module
	Revision string `json:"revision,omitzero"` // of the repository
	Modified bool   `json:"modified,omitzero"` // the files differed from that revision
	Time     string `json:"time,omitzero"`     // of the revision
	Go       string `json:"go"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this tool",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return fmt.Errorf("this program carries no build information")
			}
			v := versionOf(info)
			return a.print(v, v.text)
		},
	}
}

func versionOf(info *debug.BuildInfo) buildVersion {
	v := buildVersion{Version: cmp.Or(info.Main.Version, "(devel)"), Go: info.GoVersion}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (v buildVersion) text(w io.Writer) error {
	revision := ""
	if v.Revision != "" {
		revision = ", revision " + v.Revision
	}
	if v.Modified {
		revision += " with changes"
	}
	_, err := fmt.Fprintf(w, "modelfn %s%s, %s\n", v.Version, revision, v.Go)
	return err
}
