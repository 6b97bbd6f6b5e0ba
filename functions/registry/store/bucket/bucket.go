// Package bucket keeps a store's objects in a bucket of S3 or what speaks its
// protocol, Google Cloud Storage or Azure Blob Storage. Any number of machines may
// share the bucket.
//
// The package is for gocloud.dev's drivers, and links none: a program imports those
// that it wants to offer, gocloud.dev/blob/s3blob, gcsblob and azureblob. They take
// their credentials as their documentation says. A bucket of S3 must allow
// s3:PutObject, s3:GetObject and s3:ListBucket: without the last, S3 does not tell
// whether an object is there.
//
// # Creating once
//
// All stands on the bucket creating an object only if it does not exist. Some that
// speak S3's protocol ignore that condition and overwrite; so the first call of a
// [Bucket] creates an object twice, and none succeeds before the second attempt was
// refused.
//
// # Concurrency
//
// A [Bucket] is safe for concurrent use.
//
// # Testing
//
// Package versitygw starts a real S3 server.
package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/modelfn/modelfn/functions/registry/store"
)

// Config says which bucket.
type Config struct {
	// URL names the bucket, as s3://name?region=eu-north-1, gs://name or
	// azblob://container. With prefix=a/b/ among its parameters, all keys begin so.
	// Others are the driver's.
	URL string

	// Timeout bounds each call, the driver's own attempts included; 0 is 10 seconds.
	Timeout time.Duration
}

// Bucket keeps objects in a bucket. It implements [store.Objects].
type Bucket struct {
	blobs   *blob.Bucket
	timeout time.Duration
	proven  atomic.Bool // it creates an object only once
	closed  atomic.Bool
}

var _ store.Objects = (*Bucket)(nil)

// Open returns the bucket with a URL. It does not call it: a bucket that is away is
// told by each call, until it is back.
func Open(ctx context.Context, cfg Config) (*Bucket, error) {
	blobs, err := blob.OpenBucket(ctx, cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("opening the bucket %s: %w", cfg.URL, err)
	}
	b := &Bucket{blobs: blobs, timeout: cfg.Timeout}
	if b.timeout == 0 {
		b.timeout = 10 * time.Second
	}
	return b, nil
}

// Close ends the bucket's use. Calls after it fail.
func (b *Bucket) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	return b.blobs.Close()
}

// Create implements [store.Objects].
func (b *Bucket) Create(ctx context.Context, key string, data []byte) error {
	return b.call(ctx, func(ctx context.Context) error { return b.create(ctx, key, data) })
}

func (b *Bucket) create(ctx context.Context, key string, data []byte) error {
	// Not WriteAll: with Azure that panics when the object exists (v0.47.0).
	err := b.blobs.Upload(ctx, key, bytes.NewReader(data), &blob.WriterOptions{IfNotExist: true, ContentType: "application/octet-stream"})
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return store.ErrExists
	}
	return err
}

// Get implements [store.Objects].
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	var data []byte
	err := b.call(ctx, func(ctx context.Context) (err error) {
		data, err = b.blobs.ReadAll(ctx, key)
		if isMissing(err) {
			return store.ErrNotFound
		}
		return err
	})
	return data, err
}

// List implements [store.Objects].
func (b *Bucket) List(ctx context.Context, folder string) ([]string, error) {
	var names []string
	for token := blob.FirstPageToken; len(token) > 0; {
		err := b.call(ctx, func(ctx context.Context) error {
			page, next, err := b.blobs.ListPage(ctx, token, pageSize, &blob.ListOptions{Prefix: folder + "/", Delimiter: "/"})
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			for _, object := range page {
				if object.IsDir {
					names = append(names, path.Base(object.Key))
				}
			}
			token = next
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}

// pageSize is the most that S3 lists at once.
const pageSize = 1000

// call makes a call within the timeout, and makes its error one of the store's.
func (b *Bucket) call(ctx context.Context, do func(context.Context) error) error {
	if err := context.Cause(ctx); err != nil {
		return store.Unavailable(err)
	}
	if b.closed.Load() {
		return store.Unavailable(errors.New("the bucket is closed"))
	}
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	err := b.prove(ctx)
	if err == nil {
		err = do(ctx)
	}
	if err == nil || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrNotFound) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return store.Unavailable(err)
}

// prove succeeds if the bucket is there and creates an object only once.
func (b *Bucket) prove(ctx context.Context) error {
	if b.proven.Load() {
		return nil
	}
	const key = "created-once"
	text := []byte("A registry of params creates this object twice when it starts. If the second time\n" +
		"succeeds, the bucket cannot keep params.\n")
	err := b.create(ctx, key, text)
	if err == nil {
		err = b.create(ctx, key, text)
	}
	switch {
	case err == nil:
		return errors.New("the bucket overwrites objects that it is told to create, so it cannot keep versions")
	case !errors.Is(err, store.ErrExists):
		return err
	}
	b.proven.Store(true)
	return nil
}

// missing are the words of S3, Google and Azure for an object that is not there.
// gocloud says NotFound of more: a bucket that is not there, a host that cannot be
// found, and with Google a permission that is missing. Taken for a missing object,
// those would hide versions. A key cannot hold these words.
var missing = []string{"NoSuchKey", "storage: object doesn't exist", "BlobNotFound"}

func isMissing(err error) bool {
	if gcerrors.Code(err) != gcerrors.NotFound {
		return false
	}
	text := err.Error()
	for _, words := range missing {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}
