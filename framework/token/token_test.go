package token_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/token"
)

// line is one line of a token file.
func line(name, token string) string {
	return fmt.Sprintf("%s sha256:%x\n", name, sha256.Sum256([]byte(token)))
}

func write(t testing.TB, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

func open(t testing.TB, content string) (*token.File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens")
	write(t, path, content)
	f, err := token.Open(path)
	require.NoError(t, err)
	return f, path
}

func ExampleFile_Require() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "tokens")
	// The hash is what `printf %s test | sha256sum` prints.
	content := "alice sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		panic(err)
	}
	f, err := token.Open(path)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(http.MethodPut, "/params/model-a", nil)
	fmt.Println(f.Require(r))
	r.Header.Set("Authorization", "Bearer test")
	fmt.Println(f.Require(r))
	// Output:
	//  a bearer token is needed
	// alice <nil>
}

func TestOwner(t *testing.T) {
	f, _ := open(t, "# who may write\n\n"+line("alice", "one")+"  "+line("ci-deploy\t", "two")+line("alice", "three")+"   # the end\n"+strings.TrimSpace(line("bob", "four")))
	for given, want := range map[string]string{"one": "alice", "two": "ci-deploy", "three": "alice", "four": "bob"} {
		name, ok := f.Owner(given)
		assert.True(t, ok, given)
		assert.Equal(t, want, name)
	}
	for _, given := range []string{"", "on", "One", "one ", "alice", fmt.Sprintf("%x", sha256.Sum256([]byte("one")))} {
		name, ok := f.Owner(given)
		assert.False(t, ok, given)
		assert.Empty(t, name)
	}
}

func TestOpenRefuses(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	tests := []struct{ name, content, want string }{
		{"an empty file", "", "it holds no token"},
		{"only comments", "# alice sha256:" + hash + "\n", "it holds no token"},
		{"a line without a hash", "alice\n", "line 1: a name and a hash are needed"},
		{"a line with more", "alice sha256:" + hash + " # her laptop\n", "line 1: a name and a hash are needed"},
		{"a token instead of its hash", "# tokens\n\nalice secret\n", "line 3: the hash is not sha256: and 64 hexadecimal digits"},
		{"a hash without its kind", "alice " + hash + "\n", "line 1: the hash is not"},
		{"another kind of hash", "alice sha512:" + hash + "\n", "line 1: the hash is not"},
		{"a short hash", "alice sha256:" + hash[2:] + "\n", "line 1: the hash is not"},
		{"a long hash", "alice sha256:" + hash + "00\n", "line 1: the hash is not"},
		{"half a digit", "alice sha256:" + hash[1:] + "\n", "line 1: the hash is not"},
		{"a digit that is none", "bob sha256:" + hash + "\nalice sha256:x" + hash[1:] + "\n", "line 2: the hash is not"},
		{"a token of two owners", line("alice", "one") + line("bob", "one"), "line 2: the token is alice's already"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tokens")
			write(t, path, tt.content)
			_, err := token.Open(path)
			require.ErrorContains(t, err, "token file "+path+": ")
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "secret", "what may be a token is not told")
			_, err = token.Parse(tt.content)
			require.ErrorContains(t, err, "tokens: ")
			assert.NotContains(t, err.Error(), "secret")
		})
	}
	t.Run("a file that is not there", func(t *testing.T) {
		_, err := token.Open(filepath.Join(t.TempDir(), "tokens"))
		require.ErrorIs(t, err, os.ErrNotExist)
		require.ErrorContains(t, err, "reading tokens: ")
	})
}

func TestParse(t *testing.T) {
	f, err := token.Parse("# who may write\n" + line("alice", "one") + line("bob", "two"))
	require.NoError(t, err)
	for given, want := range map[string]string{"one": "alice", "two": "bob", "three": "", "": ""} {
		name, ok := f.Owner(given)
		assert.Equal(t, want, name)
		assert.Equal(t, want != "", ok)
	}
}

// TestAwait: the file of an optional secret comes when the secret is made.
func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "tokens")
		f, err := token.Await(path)
		require.NoError(t, err)
		_, ok := f.Owner("one")
		require.False(t, ok)

		write(t, path, line("alice", "one"))
		time.Sleep(time.Second)
		name, ok := f.Owner("one")
		require.True(t, ok)
		require.Equal(t, "alice", name)
	})
	_, err := token.Await(filepath.Join(t.TempDir(), "none", "tokens"))
	require.ErrorIs(t, err, os.ErrNotExist, "a folder that is not there is a mistake")
	path := filepath.Join(t.TempDir(), "tokens")
	write(t, path, "alice\n")
	_, err = token.Await(path)
	require.ErrorContains(t, err, "line 1: a name and a hash are needed")
}

// TestChangesAreSeen follows a file that changes, on a clock of its own.
func TestChangesAreSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, path := open(t, line("alice", "old"))
		known := func(given string) bool {
			_, ok := f.Owner(given)
			return ok
		}
		require.True(t, known("old"))

		write(t, path, line("alice", "old")+line("alice", "new"))
		require.False(t, known("new"), "the file is looked at once a second")
		time.Sleep(time.Second)
		require.True(t, known("new"), "both are good while one replaces the other")
		require.True(t, known("old"))

		write(t, path, line("alice", "new"))
		time.Sleep(time.Second)
		require.False(t, known("old"), "a line that is gone lets nobody in")
		require.True(t, known("new"))

		write(t, path, "alice sha25")
		time.Sleep(time.Second)
		require.True(t, known("new"), "a broken file changes nothing")

		require.NoError(t, os.Remove(path))
		time.Sleep(time.Second)
		require.True(t, known("new"), "nor does one that is away")

		write(t, path, "# nobody for now\n")
		time.Sleep(time.Second)
		require.False(t, known("new"), "a file without tokens takes all of them away")

		write(t, path, line("bob", "other"))
		time.Sleep(time.Second)
		require.True(t, known("other"), "and they can come back")
	})
}

func TestASecretIsSwapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for name, content := range map[string]string{"1": line("alice", "old"), "2": line("alice", "new")} {
			require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
			write(t, filepath.Join(dir, name, "tokens"), content)
		}
		require.NoError(t, os.Symlink("1", filepath.Join(dir, "..data")))
		f, err := token.Open(filepath.Join(dir, "..data", "tokens"))
		require.NoError(t, err)
		require.NoError(t, os.Symlink("2", filepath.Join(dir, "..new")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data")))
		time.Sleep(time.Second)
		_, ok := f.Owner("new")
		assert.True(t, ok)
	})
}

func TestRequire(t *testing.T) {
	f, _ := open(t, line("alice", "secret")+line("nobody", ""))
	tests := []struct {
		header, owner, want string
	}{
		{"Bearer secret", "alice", ""},
		{"bearer secret", "alice", ""},
		{"BEARER   secret ", "alice", ""},
		{"", "", "a bearer token is needed"},
		{"Bearer", "", "a bearer token is needed"},
		{"Bearer ", "", "a bearer token is needed"},
		{"Bearer  ", "", "a bearer token is needed"},
		{"secret", "", "a bearer token is needed"},
		{"Basic c2VjcmV0", "", "a bearer token is needed"},
		{"Bearer:secret", "", "a bearer token is needed"},
		{"Bearer Secret", "", "the bearer token is not known"},
		{"Bearer secret secret", "", "the bearer token is not known"},
	}
	for _, tt := range tests {
		t.Run(tt.header, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPut, "/", nil)
			r.Header.Set("Authorization", tt.header)
			owner, err := f.Require(r)
			assert.Equal(t, tt.owner, owner)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.want)
			assert.Equal(t, fault.Unauthorized, fault.From(err).Kind)

			_, err = (*token.File)(nil).Require(r)
			require.EqualError(t, err, tt.want, "without a file it is the same")
		})
	}
	t.Run("without a file nobody is let in", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPut, "/", nil)
		r.Header.Set("Authorization", "Bearer secret")
		_, err := (*token.File)(nil).Require(r)
		require.EqualError(t, err, "the bearer token is not known")
	})
}

func TestConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, path := open(t, line("alice", "one"))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 50 {
					if name, ok := f.Owner("one"); !ok || name != "alice" {
						t.Error("alice is not known")
					}
					time.Sleep(300 * time.Millisecond)
				}
			})
		}
		for i := range 10 {
			temporary := path + ".new"
			write(t, temporary, line("alice", "one")+line("bob", fmt.Sprint(i)))
			require.NoError(t, os.Rename(temporary, path))
			time.Sleep(time.Second)
		}
		all.Wait()
	})
}

func FuzzOpen(f *testing.F) {
	f.Add(line("alice", "one"))
	f.Add("# comment\n\n" + line("a", "1") + line("b", "2"))
	f.Add("alice sha256:\n")
	f.Add("alice\x00 sha256:\xff")
	path := filepath.Join(f.TempDir(), "tokens")
	f.Fuzz(func(t *testing.T, content string) {
		write(t, path, content)
		file, err := token.Open(path)
		if err != nil {
			require.ErrorContains(t, err, "token file "+path+": ")
			return
		}
		_, ok := file.Owner("no token that was ever given to anybody")
		require.False(t, ok)
	})
}
