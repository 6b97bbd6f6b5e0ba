package local

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/registry"
)

// bundle reads the bundle of a model.
func (r *Run) bundle(model string) (params.Set, error) {
	path := r.bundlePath(model)
	text, err := os.ReadFile(path)
	if err != nil {
		return params.Set{}, fmt.Errorf("the registry does not know %s, and there is no bundle to give it: %w", model, err)
	}
	bundle, err := params.ParseBundle(text)
	if err != nil {
		return params.Set{}, fmt.Errorf("bundle %s: %w", path, err)
	}
	set, err := bundle.Set(model)
	if err != nil {
		return params.Set{}, fmt.Errorf("bundle %s: %w", path, err)
	}
	return set, nil
}

func (r *Run) bundlePath(model string) string { return filepath.Join(r.Bundles(), model+".json") }

// keepBundles makes what the models fall back on what is current now. A bundle that
// never was in the registry would do for a model alone, but it names its components
// by another version than the one that they know when they run on their own.
func (r *Run) keepBundles(ctx context.Context, client *registry.Client) error {
	for _, model := range r.functions() {
		d, err := client.Current(ctx, model)
		if registry.IsNotFound(err) {
			continue // every version is held
		}
		if err == nil {
			err = r.keepBundle(ctx, client, d)
		}
		if err != nil {
			return fmt.Errorf("keeping the params of %s to fall back on: %w", model, err)
		}
	}
	return nil
}

func (r *Run) keepBundle(ctx context.Context, client *registry.Client, d params.Document) error {
	bundle, err := client.Set(ctx, d)
	if err != nil {
		return err
	}
	text, err := bundle.Encode()
	if err != nil {
		return err
	}
	if before, err := os.ReadFile(r.bundlePath(d.Model)); err == nil && bytes.Equal(before, text) {
		return nil
	}
	return WriteBundle(r.bundlePath(d.Model), bundle)
}

// WriteBundle writes a bundle to a file, which it replaces whole: who reads it
// meanwhile gets the old bundle or the new one.
func WriteBundle(path string, b *params.Bundle) (err error) {
	text, err := b.Encode()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		f.Close()
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
