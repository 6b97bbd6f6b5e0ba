package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/serve"
)

// mostAnswer is how much of an answer is read, in bytes.
const mostAnswer = 64 << 20

// predictFlags are the flags of the command.
type predictFlags struct {
	url     string
	file    string
	timeout time.Duration
}

// prediction is what the command prints.
type prediction struct {
	Model      string           `json:"model"`
	Inputs     []jsontext.Value `json:"inputs"`
	Outputs    []jsontext.Value `json:"outputs"`
	Version    int64            `json:"version,omitzero"`     // of the params that answered
	Digest     string           `json:"digest,omitzero"`      // of these
	Components map[string]int64 `json:"components,omitempty"` // and the versions of the components
	Revision   string           `json:"revision,omitzero"`    // of the program that answered

	headers http.Header // of the answer, for a person
}

func (a *app) predictCommand() *cobra.Command {
	var flags predictFlags
	cmd := &cobra.Command{
		Use:   "predict MODEL [INPUT...]",
		Short: "Ask a running model for predictions",
		Long: `Ask a running model for predictions.

An input is a JSON value, such as '[32.1,101,4.8598]'; each argument is one. With
- as the only one, or with --file, the inputs are read from the standard input or
from a file, one JSON value after another. All are sent in one request.`,
		Example: `  modelfn predict model-b '[32.1,101,4.8598]'
  modelfn predict model-b '[32.1,101,4.8598]' '[21.6,87,3.8918]'
  modelfn predict model-a --file inputs.jsonl -o json
  echo '[32.1,101,4.8598]' | modelfn predict model-c -`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return errors.New("it takes the name of a model")
			case !params.IsName(canonical(args[0])):
				return fmt.Errorf("%q is not the name of a model", args[0])
			case len(args) == 1 && flags.file == "":
				return errors.New("it takes an input, - or --file")
			case len(args) > 1 && flags.file != "":
				return errors.New("it takes inputs or --file, not both")
			case flags.timeout <= 0:
				return errors.New("--timeout takes a duration above 0")
			}
			return nil
		},
		ValidArgsFunction: cobra.FixedCompletions(sampleModels(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.predict(cmd.Context(), flags, canonical(args[0]), args[1:])
		},
	}
	cmd.Flags().StringVar(&flags.url, "url", "http://"+defaultListen, "`URL` of the gateway")
	cmd.Flags().StringVarP(&flags.file, "file", "f", "", "`file` with inputs, one JSON value after another; - is the standard input")
	cmd.Flags().DurationVar(&flags.timeout, "timeout", 30*time.Second, "how long to wait for the answer")
	return cmd
}

// canonical is a model's name with hyphens.
func canonical(name string) string { return strings.ReplaceAll(name, "_", "-") }

func (a *app) predict(ctx context.Context, flags predictFlags, model string, args []string) error {
	inputs, err := a.inputs(flags.file, args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, flags.timeout)
	defer cancel()
	p, err := ask(ctx, flags.url, model, inputs)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nobodyAt(flags.url)
	}
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s has not answered within %v", model, flags.timeout)
	}
	if err != nil {
		return err
	}
	return a.print(p, p.text)
}

// inputs reads the inputs from where the arguments say.
func (a *app) inputs(file string, args []string) ([]jsontext.Value, error) {
	if len(args) == 1 && args[0] == "-" {
		file = "-"
	}
	switch file {
	case "":
		var all []jsontext.Value
		for i, arg := range args {
			one, err := readValues(strings.NewReader(arg))
			if err == nil && len(one) != 1 {
				err = fmt.Errorf("%d JSON values instead of one", len(one))
			}
			if err != nil {
				return nil, fmt.Errorf("input %d: %w", i+1, err)
			}
			all = append(all, one...)
		}
		return all, nil
	case "-":
		return readInputs("the standard input", a.stdin)
	default:
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("the inputs: %w", err)
		}
		defer f.Close()
		return readInputs(file, f)
	}
}

func readInputs(name string, r io.Reader) ([]jsontext.Value, error) {
	values, err := readValues(r)
	if err == nil && len(values) == 0 {
		err = errors.New("no inputs")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return values, nil
}

// readValues reads JSON values up to the end.
func readValues(r io.Reader) (values []jsontext.Value, err error) {
	dec := jsontext.NewDecoder(r)
	for {
		v, err := dec.ReadValue()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return nil, err
		}
		values = append(values, v.Clone())
	}
}

// ask asks the gateway at base.
func ask(ctx context.Context, base, model string, inputs []jsontext.Value) (*prediction, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("--url %q is not a URL such as http://127.0.0.1:8080", base)
	}
	body, err := json.Marshal(map[string]any{"inputs": inputs})
	if err != nil {
		return nil, fmt.Errorf("the request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.JoinPath(model, "predict").String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", model, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s: %w", model, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(model, resp, answer)
	}
	var outputs struct {
		Outputs []jsontext.Value `json:"outputs"`
	}
	if err := json.Unmarshal(answer, &outputs); err != nil {
		return nil, fmt.Errorf("the answer of %s: %w", model, err)
	}
	if len(outputs.Outputs) != len(inputs) {
		return nil, fmt.Errorf("the answer of %s: %d outputs for %d inputs", model, len(outputs.Outputs), len(inputs))
	}
	h := resp.Header
	version, _ := strconv.ParseInt(h.Get(serve.VersionHeader), 10, 64) // none if something else answers
	return &prediction{
		Model: model, Inputs: inputs, Outputs: outputs.Outputs,
		Version: version, Digest: h.Get(serve.DigestHeader),
		Components: versions(h.Get(serve.ComponentsHeader)), Revision: h.Get(serve.RevisionHeader),
		headers: h,
	}, nil
}

// versions reads the header that names components, such as component-d=3, c=4.
func versions(header string) map[string]int64 {
	all := map[string]int64{}
	for one := range strings.SplitSeq(header, ", ") {
		name, number, _ := strings.Cut(one, "=")
		if version, err := strconv.ParseInt(number, 10, 64); err == nil {
			all[name] = version
		}
	}
	return all
}

// refusal is the error that an answer stands for.
func refusal(model string, resp *http.Response, answer []byte) error {
	var said struct {
		Error   string `json:"error"`
		Message string `json:"message"`
		ID      string `json:"id"`
	}
	why := resp.Status
	if json.Unmarshal(answer, &said) == nil {
		why = cmp.Or(said.Error, said.Message, why)
	}
	if said.ID != "" {
		why += " (id " + said.ID + ")"
	}
	return fmt.Errorf("%s answers %d: %s", model, resp.StatusCode, why)
}

// text prints a line for each input, and what answered.
func (p *prediction) text(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "INPUT\tOUTPUT")
	for i, in := range p.Inputs {
		_, _ = fmt.Fprintf(table, "%s\t%s\n", in, p.Outputs[i])
	}
	if err := table.Flush(); err != nil { // or an error before it
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s, params version %s (%s), components %s, revision %s\n", p.Model,
		cmp.Or(p.headers.Get(serve.VersionHeader), "unknown"), cmp.Or(short(p.Digest), "no digest"),
		cmp.Or(p.headers.Get(serve.ComponentsHeader), "none"), cmp.Or(p.Revision, "unknown"))
	return err
}

// short is the beginning of a digest, for a person.
func short(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }
