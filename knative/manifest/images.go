package manifest

import (
	"fmt"
	"os"

	"github.com/modelfn/modelfn/framework/schema"
)

// ReadImages reads a file with the images of functions, for [Config]: a JSON object
// of references by name.
func ReadImages(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the images: %w", err)
	}
	images, err := schema.Decode[map[string]string](text)
	if err != nil {
		return nil, fmt.Errorf("the images of %s: %w", path, err)
	}
	return images, nil
}
