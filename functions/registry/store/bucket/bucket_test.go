package bucket_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	_ "gocloud.dev/blob/s3blob" // the driver of the tests

	"github.com/modelfn/modelfn/functions/registry/store"
	"github.com/modelfn/modelfn/functions/registry/store/bucket"
	"github.com/modelfn/modelfn/functions/registry/store/storetest"
	"github.com/modelfn/modelfn/functions/registry/store/versitygw"
)

func open(t *testing.T, cfg bucket.Config) *bucket.Bucket {
	t.Helper()
	b, err := bucket.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func TestBucket(t *testing.T) {
	server := versitygw.Start(t)
	storetest.Run(t, func(t *testing.T) func() store.Objects {
		url := server.NewBucket(t)
		return func() store.Objects { return open(t, bucket.Config{URL: url}) }
	})
}

func TestPrefix(t *testing.T) {
	url := versitygw.Start(t).NewBucket(t)
	one, other := store.New(open(t, bucket.Config{URL: url + "&prefix=one/"})), store.New(open(t, bucket.Config{URL: url + "&prefix=other/"}))
	require.NoError(t, one.Append(t.Context(), "model-a", 1, nil))
	models, err := other.Models(t.Context())
	require.NoError(t, err)
	require.Empty(t, models)
	models, err = one.Models(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"model-a"}, models)
}
