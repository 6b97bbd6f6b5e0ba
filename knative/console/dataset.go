package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/fault"
)

// mostRows is how many rows of a dataset are shown.
const mostRows = 500

// dataset is an answer of /data/{name}, made once.
type dataset struct {
	body []byte
	etag string
}

func parseDatasets(files map[string][]byte) (map[string]dataset, error) {
	sets := make(map[string]dataset, len(files))
	for name, file := range files {
		set, err := parseDataset(name, file)
		if err != nil {
			return nil, fmt.Errorf("dataset %s: %w", name, err)
		}
		sets[name] = set
	}
	return sets, nil
}

// parseDataset reads a CSV file. A cell that is a JSON number stays that number;
// any other is a string.
func parseDataset(name string, file []byte) (dataset, error) {
	records, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		return dataset{}, err
	}
	if len(records) == 0 {
		return dataset{}, fmt.Errorf("no header line")
	}
	content := struct {
		Name    string             `json:"name"`
		Columns []string           `json:"columns"`
		Total   int                `json:"total"` // rows in the file; Rows may hold fewer
		Rows    [][]jsontext.Value `json:"rows"`
	}{Name: name, Columns: records[0], Total: len(records) - 1}
	for _, record := range records[1:min(len(records), mostRows+1)] {
		row := make([]jsontext.Value, len(record))
		for i, cell := range record {
			if row[i] = jsontext.Value(cell); row[i].Kind() != '0' || !row[i].IsValid() {
				if row[i], err = jsontext.AppendQuote(nil, cell); err != nil {
					return dataset{}, fmt.Errorf("column %s: %w", records[0][i], err)
				}
			}
		}
		content.Rows = append(content.Rows, row)
	}
	body, err := json.Marshal(content)
	if err != nil {
		return dataset{}, err
	}
	sum := sha256.Sum256(body)
	return dataset{body: body, etag: `"` + hex.EncodeToString(sum[:8]) + `"`}, nil
}

func sortedDatasets(sets map[string]dataset) []string {
	return slices.Sorted(maps.Keys(sets))
}

// showDataset answers with a dataset, or 304 if the client has it.
func (g *Gateway) showDataset(w http.ResponseWriter, r *http.Request, name string) {
	set, ok := g.datasets[name]
	if !ok {
		g.fail(w, r, fault.New(fault.NotFound, "no such dataset"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache") // keep it, and ask each time whether it changed
	h.Set("ETag", set.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(set.body))
}
