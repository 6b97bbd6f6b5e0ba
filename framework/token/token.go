// Package token checks the bearer tokens that writes need.
//
// A token file has one line for each token, with the name of its owner and the
// token's SHA-256:
//
//	# who       hash of the token
//	alice       sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//	ci-deploy   sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
//
// Tokens are long and random, so a fast hash keeps them; the file holds nothing
// that opens a door. An owner may have several tokens, to change one without a
// gap. The file is mounted from a secret, and looked at again every second: a
// line that is gone lets nobody in any more. Lines that [Parse] was given stay.
package token

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modelfn/modelfn/framework/fault"
)

// File is a token file. It is safe for concurrent use.
type File struct {
	path string // "" for one that [Parse] was given

	mu      sync.Mutex // guards what follows
	read    time.Time  // when the file was read last
	content []byte
	owners  []owner
}

type owner struct {
	name string
	hash [sha256.Size]byte
}

// fresh is how long the file is not looked at again.
const fresh = time.Second

// Open reads a token file. It fails if the file cannot be read, has a malformed
// line, or holds no token.
func Open(path string) (*File, error) {
	f := &File{path: path}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading tokens: %w", err)
	}
	f.owners, err = parse(content)
	if err == nil && len(f.owners) == 0 {
		err = errors.New("it holds no token")
	}
	if err != nil {
		return nil, fmt.Errorf("token file %s: %w", path, err)
	}
	f.content, f.read = content, time.Now()
	return f, nil
}

// Await is Open for a file that may come later into a folder that is there, as that
// of an optional secret does: until then nobody is let in.
func Await(path string) (*File, error) {
	f, err := Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if info, _ := os.Stat(filepath.Dir(path)); info != nil && info.IsDir() {
			return &File{path: path}, nil
		}
	}
	return f, err
}

// Parse reads the lines of a token file that is none: they do not change. It fails as
// Open does.
func Parse(lines string) (*File, error) {
	owners, err := parse([]byte(lines))
	if err == nil && len(owners) == 0 {
		err = errors.New("there is none")
	}
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return &File{owners: owners}, nil
}

// Owner returns the name of the owner of a token. While a changed file cannot be
// read or parsed, the tokens that were known last are good; one without tokens
// takes all of them away.
func (f *File) Owner(token string) (name string, ok bool) {
	hash := sha256.Sum256([]byte(token))
	for _, o := range f.current() { // all of them, so that the time tells nothing
		if subtle.ConstantTimeCompare(hash[:], o.hash[:]) == 1 {
			name, ok = o.name, true
		}
	}
	return name, ok
}

func (f *File) current() []owner {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.path == "" || time.Since(f.read) < fresh {
		return f.owners
	}
	f.read = time.Now()
	content, err := os.ReadFile(f.path)
	if err != nil || bytes.Equal(content, f.content) {
		return f.owners
	}
	if owners, err := parse(content); err == nil {
		f.content, f.owners = content, owners
	}
	return f.owners
}

func parse(content []byte) ([]owner, error) {
	var owners []owner
	line := 0
	for text := range strings.Lines(string(content)) {
		line++
		fields := strings.Fields(text)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) != 2 {
			return nil, fmt.Errorf("line %d: a name and a hash are needed", line)
		}
		digits, found := strings.CutPrefix(fields[1], "sha256:")
		hash, err := hex.DecodeString(digits)
		if !found || err != nil || len(hash) != sha256.Size {
			return nil, fmt.Errorf("line %d: the hash is not sha256: and 64 hexadecimal digits", line)
		}
		o := owner{fields[0], [sha256.Size]byte(hash)}
		if i := slices.IndexFunc(owners, func(other owner) bool { return other.hash == o.hash }); i >= 0 {
			return nil, fmt.Errorf("line %d: the token is %s's already", line, owners[i].name)
		}
		owners = append(owners, o)
	}
	return owners, nil
}

// Require returns the owner of a request's bearer token, or a fault of kind
// Unauthorized. A nil File lets nobody in.
func (f *File) Require(r *http.Request) (string, error) {
	scheme, bearer, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	bearer = strings.TrimSpace(bearer)
	if bearer == "" || !strings.EqualFold(scheme, "Bearer") {
		return "", fault.New(fault.Unauthorized, "a bearer token is needed")
	}
	if f != nil {
		if name, ok := f.Owner(bearer); ok {
			return name, nil
		}
	}
	return "", fault.New(fault.Unauthorized, "the bearer token is not known")
}
