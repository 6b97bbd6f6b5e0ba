package params

import "context"

// Source says which set a model should run now.
type Source interface {
	// Load returns the set that is wanted now. have is the set that serves, nil if
	// none does; a source that still wants it returns it as it is.
	//
	// An error that holds a fault means that the wanted set is no good; any other,
	// that the source could not be reached.
	Load(ctx context.Context, have *Set) (Set, error)
}

// Watcher is a source that tells of a change.
type Watcher interface {
	// Wait returns true once the source may want another set, and false if nothing
	// has changed for a while.
	Wait(ctx context.Context, have *Set) (changed bool, err error)
}
