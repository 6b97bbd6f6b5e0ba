package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/registry"
)

// prepare makes the registry and the bundles agree, before the models start.
func (r *Run) prepare(ctx context.Context) error {
	client, err := registry.New(r.RegistryURL(), r.cfg.Token)
	if err != nil {
		return err
	}
	if err := r.publish(ctx, client); err != nil {
		return err
	}
	return r.keepBundles(ctx, client)
}

// publish gives the registry the bundles of the models that it does not know, and
// what these require, as one consistent step. On the first start that is all of
// them, later it is nothing: what the registry has is never written over.
func (r *Run) publish(ctx context.Context, client *registry.Client) error {
	known, err := client.List(ctx)
	if err != nil {
		return fmt.Errorf("looking at the registry: %w", err)
	}
	documents, err := r.unknown(known)
	if err != nil || len(documents) == 0 {
		return err
	}
	schemas, err := r.schemas(ctx, documents)
	if err != nil {
		return err
	}
	parts, err := registry.Step(documents, known, schemas, "first start")
	if err != nil {
		return fmt.Errorf("publishing the bundles: %w", err)
	}
	key, err := keyOf(parts)
	if err != nil {
		return fmt.Errorf("publishing the bundles: %w", err)
	}
	if _, err = client.PutMany(ctx, parts, key); err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*registry.Error](err); ok && refused.Status == http.StatusUnauthorized && r.cfg.Token == "" {
		return errors.New("the registry is empty, and takes params with a token only: the run needs one of those in the file")
	}
	return fmt.Errorf("publishing the bundles: %w; the registry's log is %s", err, filepath.Join(r.logs(), registryProgram+".log"))
}

// keyOf makes the step safe to repeat after one that was broken off: the same
// content is the same request.
func keyOf(parts map[string]registry.Part) (string, error) {
	text, err := json.Marshal(parts, json.Deterministic(true))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return "first-start-" + hex.EncodeToString(sum[:8]), nil
}

// unknown returns the documents of the bundles whose models the registry does not
// know, and those of the components that they require and it does not have.
func (r *Run) unknown(known map[string]params.Document) ([]params.Document, error) {
	var list []params.Document
	add := func(d params.Document) {
		same := func(other params.Document) bool { return other.Digest == d.Digest }
		if known[d.Model].Digest != d.Digest && !slices.ContainsFunc(list, same) {
			list = append(list, d)
		}
	}
	for _, model := range r.functions() {
		if _, ok := known[model]; ok {
			continue
		}
		set, err := r.bundle(model)
		if err != nil {
			return nil, err
		}
		for _, component := range set.Components {
			add(component)
		}
		add(set.Document)
	}
	return list, nil
}

// schemas asks the programs of documents for the schemas of their params.
func (r *Run) schemas(ctx context.Context, documents []params.Document) (map[string]jsontext.Value, error) {
	schemas := map[string]jsontext.Value{}
	var errs []error
	var mu sync.Mutex // guards both
	var asking sync.WaitGroup
	for _, d := range documents {
		asking.Go(func() {
			description, err := r.describe(ctx, d.Model)
			mu.Lock()
			defer mu.Unlock()
			schemas[d.Model] = description.Schema
			errs = append(errs, err)
		})
	}
	asking.Wait()
	return schemas, errors.Join(errs...)
}
