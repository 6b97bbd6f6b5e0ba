package store

import (
	"fmt"
	"regexp"
	"strings"
)

// modelsFolder is the kind of the logs that are named by a model alone.
const modelsFolder = "params"

// maxVersion keeps the steps of a gallop within 64 bits.
const maxVersion = 1 << 53

var label = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)

// folderOf returns where a log's versions are.
func folderOf(name string) (string, error) {
	kind, model, ok := strings.Cut(name, "/")
	if !ok {
		kind, model = modelsFolder, name
	}
	if !label.MatchString(kind) || !label.MatchString(model) || ok && kind == modelsFolder {
		return "", fmt.Errorf("%w: %.80q is not the name of a log", ErrInvalid, name)
	}
	return kind + "/" + model, nil
}

// key returns where a version is. The zeros make a listing's order that of the
// versions, for people and for tools that copy.
func key(folder string, version int64) string {
	return fmt.Sprintf("%s/%010d", folder, version)
}
