package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
	"github.com/modelfn/modelfn/functions/training"
	"github.com/modelfn/modelfn/knative/local"
	"github.com/modelfn/modelfn/knative/registry"
	"github.com/modelfn/modelfn/samples"
)

// trained is what the command prints for each function.
type trained struct {
	Name     string   `json:"name"`
	Rows     int      `json:"rows"`
	Quantile *float64 `json:"quantile,omitzero"` // these three are of models alone
	Loss     *float64 `json:"loss,omitzero"`     // mean pinball loss
	Coverage *float64 `json:"coverage,omitzero"` // share of rows that are not above the prediction
	Millis   float64  `json:"milliseconds"`
	Digest   string   `json:"digest"`
	File     string   `json:"file"`
	Version  int64    `json:"version,omitzero"` // that was published
}

// trainFlags are the flags of the command.
type trainFlags struct {
	data, out string
	publish   bool
	message   string
	at        place
}

func (a *app) trainCommand() *cobra.Command {
	var flags trainFlags
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train component D and the models A, B and C",
		Long: `Train component D and the models A, B and C, and write a bundle of each, its
params and those of the components that it requires, to <name>.json.

The data is a CSV file whose first line names the columns; bmi, bp, s5 and
progression have to be among them. Without --data it is the sample data, of 442
patients. Training is exact and deterministic: the same data gives the same files.

The models of 'modelfn run' and of a cluster take their params from the registry
alone. With --publish those of all four become new versions there, as one consistent
step: each model pins the component that it was trained with, and every replica swaps
to both at once.

For each model the table shows the mean pinball loss and the coverage, which is
the share of the rows whose progression is not above what the model predicts.`,
		Example: `  modelfn train
  modelfn train --data patients.csv --out may
  modelfn train --data patients.csv --publish --message 'data of May'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return a.train(ctx, flags)
		},
	}
	cmd.Flags().StringVar(&flags.data, "data", "", "CSV `file` to train on (default: the sample data)")
	cmd.Flags().StringVar(&flags.out, "out", "bundles", "`folder` to write the bundles to")
	cmd.Flags().BoolVar(&flags.publish, "publish", false, "give the params to the registry as well")
	cmd.Flags().StringVarP(&flags.message, "message", "m", "trained", "with --publish: why; it stands in the history")
	flags.at.flags(cmd)
	return cmd
}

func (a *app) train(ctx context.Context, flags trainFlags) error {
	results, table, err := a.trainTo(ctx, flags.data, flags.out)
	if err != nil {
		return err
	}
	if flags.publish {
		if err := publish(ctx, &flags, results, table); err != nil {
			return flags.at.explain(fmt.Errorf("publishing: %w", err))
		}
	}
	return a.print(table, func(w io.Writer) error { return printTable(w, table) })
}

// publish gives the results to the registry as one step, and notes their versions
// in the table.
func publish(ctx context.Context, flags *trainFlags, results []training.Result, table []trained) error {
	client, err := flags.at.client()
	if err != nil {
		return err
	}
	var documents []params.Document
	for _, r := range results {
		documents = append(documents, r.Bundle.Documents[0])
	}
	schemas, err := schemas()
	if err != nil {
		return err
	}
	parts, err := registry.Step(documents, nil, schemas, flags.message)
	if err != nil {
		return err
	}
	outcomes, err := client.PutMany(ctx, parts, "")
	for i := range table {
		table[i].Version, table[i].Digest = outcomes[table[i].Name].Version, outcomes[table[i].Name].Digest
	}
	return err
}

// schemas returns the JSON Schemas of the params that are trained, by name.
func schemas() (map[string]jsontext.Value, error) {
	functions := []framework.Function{standardize.Model}
	for _, name := range sampleModels() {
		functions = append(functions, quantile.Model(name))
	}
	all := map[string]jsontext.Value{}
	for _, f := range functions {
		d, err := f.Describe()
		if err != nil {
			return nil, err
		}
		all[d.Model] = d.Schema
	}
	return all, nil
}

// trainTo trains on a CSV file, the sample data if its name is empty, and writes
// the bundles to a folder once all of them are there.
func (a *app) trainTo(ctx context.Context, file, folder string) ([]training.Result, []trained, error) {
	data, err := readData(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", cmp.Or(file, "the sample data"), err)
	}
	var progress func(string)
	if onTerminal(a.stderr) {
		progress = func(name string) { fmt.Fprintf(a.stderr, "training %s on %d rows\n", name, data.Rows()) }
	}
	results, err := training.Train(ctx, data, progress)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, nil, fmt.Errorf("the folder for the bundles: %w", err)
	}
	var table []trained
	for _, r := range results {
		path := filepath.Join(folder, r.Name+".json")
		if err := local.WriteBundle(path, r.Bundle); err != nil {
			return nil, nil, fmt.Errorf("writing the bundle of %s: %w", r.Name, err)
		}
		table = append(table, row(r, path))
	}
	return results, table, nil
}

func readData(file string) (*training.Data, error) {
	if file == "" {
		return training.ReadCSV(bytes.NewReader(samples.Diabetes))
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return training.ReadCSV(f)
}

func row(r training.Result, path string) trained {
	t := trained{
		Name: r.Name, Rows: r.Rows, File: path, Digest: r.Bundle.Documents[0].Digest,
		Millis: float64(r.Took.Round(time.Microsecond).Microseconds()) / 1000,
	}
	if r.Predicts() {
		t.Quantile, t.Loss, t.Coverage = &r.Quantile, &r.Loss, &r.Coverage
	}
	return t
}

func printTable(w io.Writer, rows []trained) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	published := len(rows) > 0 && rows[0].Version > 0
	head := "MODEL\tROWS\tQUANTILE\tLOSS\tCOVERAGE\tTIME\tFILE"
	if published {
		head += "\tVERSION"
	}
	_, _ = fmt.Fprintln(table, head)
	for _, r := range rows {
		quantile, loss, coverage := "-", "-", "-"
		if r.Loss != nil {
			quantile = fmt.Sprintf("%g", *r.Quantile)
			loss = fmt.Sprintf("%.6f", *r.Loss)
			coverage = fmt.Sprintf("%.1f %%", 100**r.Coverage)
		}
		_, _ = fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%.1f ms\t%s", r.Name, r.Rows, quantile, loss, coverage, r.Millis, r.File)
		if published {
			_, _ = fmt.Fprintf(table, "\t%d", r.Version)
		}
		_, _ = fmt.Fprintln(table)
	}
	return table.Flush() // it tells of an error in any of these
}
