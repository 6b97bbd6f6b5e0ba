package local

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// take makes the data folder if need be and locks it: the file is the lock, and
// goes with the process however that ends.
func take(path string) (*os.File, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("the data folder cannot be made: %w", err)
	}
	folder, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the data folder cannot be opened: %w", err)
	}
	err = syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return folder, nil
	}
	folder.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("the data folder %s is in use by another run", path)
	}
	return nil, fmt.Errorf("the data folder %s cannot be locked: %w", path, err)
}
