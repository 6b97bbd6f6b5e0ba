// Package env reads settings from environment variables. What is wrong with them
// is gathered, so that all of it is told at once.
package env

import (
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/modelfn/modelfn/framework/fault"
)

// Reader reads variables. It is not safe for concurrent use.
type Reader struct {
	Get      func(name string) string // such as os.Getenv
	Problems fault.Problems           // each with the name of its variable as the path
}

// Err returns everything that is wrong, nil if nothing is.
func (r *Reader) Err() error {
	if err := r.Problems.Err(); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

// Integer reads a number from low to high; otherwise is for a variable that is not
// set.
func (r *Reader) Integer(name string, otherwise, low, high int64) int64 {
	text := r.Get(name)
	if text == "" {
		return otherwise
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < low || v > high {
		r.Problems.Add(name, "%q is not a number from %d to %d", text, low, high)
	}
	return v
}

// Duration reads a duration of at least low, in Go's form.
func (r *Reader) Duration(name string, otherwise, low time.Duration) time.Duration {
	text := r.Get(name)
	if text == "" {
		return otherwise
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < low {
		r.Problems.Add(name, "%q is not a duration of at least %v, such as 2s or 500ms", text, low)
	}
	return v
}

// URL reads an http or https URL; "" if the variable is not set.
func (r *Reader) URL(name string) string {
	text := r.Get(name)
	if u, err := url.Parse(text); text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		r.Problems.Add(name, "%q is not an http or https URL", text)
	}
	return text
}

// Level reads a log level; info if the variable is not set.
func (r *Reader) Level(name string) (level slog.Level) {
	if text := r.Get(name); text != "" {
		if err := level.UnmarshalText([]byte(text)); err != nil {
			r.Problems.Add(name, "%q is not debug, info, warn or error", text)
		}
	}
	return level
}
