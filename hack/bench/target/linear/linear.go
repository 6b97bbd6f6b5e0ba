// Package linear is the model of the benchmark as somebody would write it without
// a framework: net/http, encoding/json, and a dot product. Nothing but the
// standard library is in it.
package linear

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

// Model is a linear model on standardized features. It is safe for concurrent
// use.
type Model struct {
	Mean      []float64 `json:"mean"`
	Deviation []float64 `json:"deviation"`
	Weights   []float64 `json:"weights"`
	Intercept float64   `json:"intercept"`
}

// Load reads a model from a JSON file.
func Load(path string) (*Model, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := new(Model)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return m, nil
}

// Predict returns the output for one input of the right length.
func (m *Model) Predict(input []float64) float64 {
	y := m.Intercept
	for i, x := range input {
		y += float64(m.Weights[i] * ((x - m.Mean[i]) / m.Deviation[i])) // not fused: the same bits on every processor
	}
	return y
}

// ServeHTTP answers {"input":[…]} with {"output":…}.
func (m *Model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Input []float64 `json:"input"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(request.Input) != len(m.Weights) {
		http.Error(w, fmt.Sprintf("input: not %d numbers", len(m.Weights)), http.StatusBadRequest)
		return
	}
	answer := struct {
		Output float64 `json:"output"`
	}{m.Predict(request.Input)}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
