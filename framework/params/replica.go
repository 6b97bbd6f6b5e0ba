package params

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// ReplicaHeader is the header by which a replica tells its registry how it
// stands, with every watch:
//
//	Modelfn-Replica: name=host-1;revision=model-a-00002;version=17;digest=sha256:…;state=serving;error=…
//
// Values are escaped as in a URL's query.
const ReplicaHeader = "Modelfn-Replica"

// Replica is what a replica tells about itself.
type Replica struct {
	Name     string // of the process: its host name, and what makes it unique there
	Revision string
	Version  int64  // that serves; 0 for none, or one that no registry numbered
	Digest   string // that serves; "" for none
	State    State
	Error    string // why the state is Stale or Rejected
}

// String writes the header's value.
func (r Replica) String() string {
	var b strings.Builder
	for _, f := range []struct{ name, value string }{
		{"name", r.Name}, {"revision", r.Revision}, {"version", strconv.FormatInt(r.Version, 10)},
		{"digest", r.Digest}, {"state", string(r.State)}, {"error", r.Error},
	} {
		if f.value == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(';')
		}
		b.WriteString(f.name + "=" + url.QueryEscape(f.value))
	}
	return b.String()
}

// ParseReplica reads the header's value. Fields that it does not know are left
// out; a name is needed.
func ParseReplica(value string) (Replica, error) {
	var r Replica
	for part := range strings.SplitSeq(value, ";") {
		name, escaped, _ := strings.Cut(strings.TrimSpace(part), "=")
		v, err := url.QueryUnescape(escaped)
		if err != nil {
			return r, fmt.Errorf("%s: %q: field %s: %w", ReplicaHeader, value, name, err)
		}
		switch name {
		case "name":
			r.Name = v
		case "revision":
			r.Revision = v
		case "version":
			if r.Version, err = strconv.ParseInt(v, 10, 64); err != nil {
				return r, fmt.Errorf("%s: version: %w", ReplicaHeader, err)
			}
		case "digest":
			r.Digest = v
		case "state":
			r.State = State(v)
		case "error":
			r.Error = v
		}
	}
	if r.Name == "" {
		return r, fmt.Errorf("%s: %q has no name", ReplicaHeader, value)
	}
	return r, nil
}
