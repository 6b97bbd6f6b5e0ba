package server

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/env"
	"github.com/modelfn/modelfn/framework/serve"
)

// Settings configure a registry. [SettingsFrom] reads them from the environment.
type Settings struct {
	// Settings are those of the server. TokensPath is the file of those who may
	// write; without it the registry listens on loopback only, and everybody may.
	serve.Settings

	// Store (STORE_URL) is where the params are kept: file:///a/folder, or a bucket:
	// s3://name?region=…, gs://name, azblob://name.
	Store *url.URL

	// Sink (K_SINK) is where changes are announced; nowhere if it is not set. The
	// extensions of K_CE_OVERRIDES are added to every event, and the Namespace
	// (NAMESPACE, "default") stands in its source.
	Sink       string
	Extensions map[string]string
	Namespace  string
}

// SettingsFrom reads the settings from the environment. It reports everything that
// is wrong, by the variable's name.
func SettingsFrom(getenv func(string) string) (Settings, error) {
	e := &env.Reader{Get: getenv}
	s := Settings{
		Settings:  serve.SettingsFrom(e),
		Sink:      e.URL("K_SINK"),
		Namespace: cmp.Or(getenv("NAMESPACE"), "default"),
	}
	var err error
	if s.Store, err = storeURL(getenv("STORE_URL")); err != nil {
		e.Problems.Add("STORE_URL", "%v", err)
	}
	if !namespace.MatchString(s.Namespace) {
		e.Problems.Add("NAMESPACE", "%q is not the name of a namespace", s.Namespace)
	}
	if text := getenv("K_CE_OVERRIDES"); text != "" {
		if s.Extensions, err = extensions(text); err != nil {
			e.Problems.Add("K_CE_OVERRIDES", "%v", err)
		}
	}
	return s, e.Err()
}

// namespace is a DNS-1123 label, as Kubernetes' namespaces are.
var namespace = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// storeURL reads STORE_URL.
func storeURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, errors.New("not set: it says where the params are kept, such as file:///var/lib/params or s3://bucket?region=eu-central-1")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("not a URL")
	case u.Scheme == "file" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		return u, nil
	case u.Scheme == "file":
		return nil, errors.New("file: needs the full path of a folder, as file:///var/lib/params has it")
	case slices.Contains([]string{"s3", "gs", "azblob"}, u.Scheme) && u.Host != "":
		return u, nil
	}
	return nil, errors.New("neither file:///a/folder nor s3://, gs:// or azblob:// with the name of a bucket")
}

// Names of attributes that events have of their own.
var reserved = []string{"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data", "sequence"}

var extensionName = regexp.MustCompile(`^[a-z0-9]{1,20}$`)

// extensions reads K_CE_OVERRIDES: {"extensions":{"name":"value"}}.
func extensions(text string) (map[string]string, error) {
	var overrides struct {
		Extensions map[string]string `json:"extensions"`
	}
	if err := json.Unmarshal([]byte(text), &overrides); err != nil {
		return nil, errors.New(`not of the form {"extensions":{"name":"value"}}`)
	}
	for _, name := range slices.Sorted(maps.Keys(overrides.Extensions)) {
		if !extensionName.MatchString(name) {
			return nil, fmt.Errorf("%q is not the name of an extension: it takes up to 20 of a-z and 0-9", name)
		}
		if slices.Contains(reserved, name) {
			return nil, fmt.Errorf("%q is set by the registry", name)
		}
	}
	return overrides.Extensions, nil
}
