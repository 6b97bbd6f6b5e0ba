package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzOpen: whatever is found in the place of an object, it is damaged, or exactly
// what was written.
func FuzzOpen(f *testing.F) {
	whole := seal(newID(), []byte(`{"version":1}`))
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(whole[:lineEnd+1])
	f.Add([]byte(format))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, object []byte) {
		id, data, err := open(object)
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			require.Nil(t, data)
			return
		}
		require.Equal(t, object, seal(id, data))
	})
}

func TestOpenOfEveryBeginning(t *testing.T) {
	id := newID()
	whole := seal(id, []byte("data"))
	for length := range whole {
		_, _, err := open(whole[:length])
		require.ErrorIs(t, err, ErrDamaged, "%d bytes", length)
	}
	found, data, err := open(whole)
	require.NoError(t, err)
	require.Equal(t, id, found)
	require.Equal(t, "data", string(data))
}

// TestOpenOfEveryFlippedBit: of those in the write's id, too.
func TestOpenOfEveryFlippedBit(t *testing.T) {
	whole := seal(newID(), []byte("data"))
	for bit := range 8 * len(whole) {
		whole[bit/8] ^= 1 << (bit % 8)
		_, _, err := open(whole)
		require.ErrorIs(t, err, ErrDamaged, "bit %d", bit)
		whole[bit/8] ^= 1 << (bit % 8)
	}
}
