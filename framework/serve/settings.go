package serve

import (
	"cmp"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/modelfn/modelfn/framework/env"
)

// Settings are those of every program that serves. [SettingsFrom] reads them from
// the environment.
type Settings struct {
	Host      string // HOST: the address to listen on; all interfaces if empty
	Port      int    // PORT: of the traffic; 8080. 0 takes a free one
	AdminPort int    // ADMIN_PORT: of metrics and profiles; 9095. 0 takes a free one

	// RequestTimeout (REQUEST_TIMEOUT, 60 s) is the deadline of a request's work: its
	// context ends, and what comes later is answered with 503. Work that does not look
	// at its context is waited for all the same. MaxBody (MAX_BODY_BYTES, 1 MiB) is the
	// limit of a request's body.
	RequestTimeout time.Duration
	MaxBody        int64

	// HeaderTimeout (HEADER_TIMEOUT, 10 s) bounds the arrival of a request's header,
	// ReadTimeout (READ_TIMEOUT, 30 s) that of the whole request, IdleTimeout
	// (IDLE_TIMEOUT, 3 min) the wait of a connection for its next request, and
	// WriteTimeout (WRITE_TIMEOUT, 30 s) the time in which its client reads nothing
	// of an answer, or less than 64 KiB.
	HeaderTimeout time.Duration
	ReadTimeout   time.Duration
	IdleTimeout   time.Duration
	WriteTimeout  time.Duration

	// DrainDelay (DRAIN_DELAY) is how long requests are still taken after SIGTERM:
	// 3 s, and none on Knative, whose proxy drains before. DrainTimeout
	// (DRAIN_TIMEOUT, 60 s) bounds the time for what is left then.
	DrainDelay   time.Duration
	DrainTimeout time.Duration

	// Revision (K_REVISION) names what is deployed; "local" outside of Knative.
	Revision string

	// TokensPath (TOKENS_PATH) is the file of those who may do what needs a token;
	// see package token.
	TokensPath string

	// LogLevel (LOG_LEVEL) is debug, info, warn or error; info.
	LogLevel slog.Level
}

// SettingsFrom reads the settings from the environment.
func SettingsFrom(e *env.Reader) Settings {
	revision := e.Get("K_REVISION")
	delay := 3 * time.Second
	if revision != "" {
		delay = 0
	}
	s := Settings{
		Host:           e.Get("HOST"),
		Port:           int(e.Integer("PORT", 8080, 0, 65535)),
		AdminPort:      int(e.Integer("ADMIN_PORT", 9095, 0, 65535)),
		RequestTimeout: e.Duration("REQUEST_TIMEOUT", time.Minute, time.Millisecond),
		MaxBody:        e.Integer("MAX_BODY_BYTES", 1<<20, 1, 1<<32),
		HeaderTimeout:  e.Duration("HEADER_TIMEOUT", 10*time.Second, time.Millisecond),
		ReadTimeout:    e.Duration("READ_TIMEOUT", 30*time.Second, time.Millisecond),
		IdleTimeout:    e.Duration("IDLE_TIMEOUT", 3*time.Minute, time.Millisecond),
		WriteTimeout:   e.Duration("WRITE_TIMEOUT", 30*time.Second, time.Millisecond),
		DrainDelay:     e.Duration("DRAIN_DELAY", delay, 0),
		DrainTimeout:   e.Duration("DRAIN_TIMEOUT", time.Minute, time.Millisecond),
		Revision:       cmp.Or(revision, "local"),
		TokensPath:     e.Get("TOKENS_PATH"),
		LogLevel:       e.Level("LOG_LEVEL"),
	}
	if s.Port != 0 && s.Port == s.AdminPort {
		e.Problems.Add("ADMIN_PORT", "the same as PORT")
	}
	return s
}

// Config returns the configuration of the server that the settings ask for.
func (s *Settings) Config(log *slog.Logger) Config {
	address := func(port int) string { return net.JoinHostPort(s.Host, strconv.Itoa(port)) }
	return Config{
		Addr: address(s.Port), Admin: address(s.AdminPort),
		HeaderTimeout: s.HeaderTimeout, ReadTimeout: s.ReadTimeout, IdleTimeout: s.IdleTimeout,
		WriteTimeout: s.WriteTimeout, DrainDelay: s.DrainDelay, DrainTimeout: s.DrainTimeout, Log: log,
	}
}
