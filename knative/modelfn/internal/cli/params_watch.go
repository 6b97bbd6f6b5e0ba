package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/registry"
)

func (a *app) paramsWatch() *cobra.Command {
	return a.ask(&cobra.Command{
		Use:   "watch [MODEL...]",
		Short: "Print each new version as it comes, and how many replicas have it",
		Long: `Print each new version as it comes, and how many replicas have it, until Ctrl-C.

Without a model it watches all that there are. With -o json it prints one object a
line.`,
		Example: `  modelfn params watch model-a`,
		Args: func(cmd *cobra.Command, args []string) error {
			for i := range args {
				if err := takesModel(0, 0)(cmd, args[i:i+1]); err != nil {
					return err
				}
			}
			return nil
		},
	}, func(ctx context.Context, c *registry.Client, models []string) error {
		if len(models) == 0 {
			all, err := c.List(ctx)
			if err != nil {
				return err
			}
			models = slices.Sorted(maps.Keys(all))
		}
		return a.watch(ctx, c, models)
	})
}

// sight is one thing that the watch prints.
type sight struct {
	Model    string           `json:"model"`
	Version  int64            `json:"version"` // the current one
	Document *params.Document `json:"document,omitzero"`
	Replicas *spread          `json:"replicas,omitzero"`
}

// spread is how far a version has come.
type spread struct {
	On     int                `json:"on"` // that serve the version
	Of     int                `json:"of"`
	Others []registry.Replica `json:"others,omitzero"`
}

// Times of the watch.
const (
	lookEvery  = 200 * time.Millisecond // at the replicas
	againAfter = time.Second            // when the registry was away
)

// watch watches models until ctx ends.
func (a *app) watch(ctx context.Context, c *registry.Client, models []string) error {
	var first []params.Document
	for _, model := range models {
		d, err := c.Current(ctx, model)
		if err != nil {
			return err
		}
		first = append(first, d)
	}
	ctx, end := context.WithCancel(ctx)
	seen := make(chan sight)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer end()
	for _, d := range first {
		w := watcher{c: c, see: func(s sight) {
			select {
			case seen <- s:
			case <-ctx.Done():
			}
		}, failed: func(err error) { fmt.Fprintf(a.stderr, "%v; it is asked again\n", err) }}
		watching.Go(func() { w.run(ctx, d) })
	}
	for {
		select {
		case s := <-seen:
			if err := a.print(s, s.text); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// watcher watches one model.
type watcher struct {
	c      *registry.Client
	see    func(sight)
	failed func(error)
}

// run tells of each new version, and between two of how far the last has come.
func (w *watcher) run(ctx context.Context, d params.Document) {
	for ctx.Err() == nil {
		w.see(sight{Model: d.Model, Version: d.Version, Document: &d})
		looking, stop := context.WithCancel(ctx)
		var look sync.WaitGroup
		look.Go(func() { w.look(looking, d) })
		d = w.next(ctx, d)
		stop()
		look.Wait()
	}
}

// next waits for another version than d.
func (w *watcher) next(ctx context.Context, d params.Document) params.Document {
	for ctx.Err() == nil {
		next, changed, err := w.c.Wait(ctx, d)
		if err == nil && changed {
			return next
		}
		if err != nil && ctx.Err() == nil {
			w.failed(err)
			pause(ctx, againAfter)
		}
	}
	return d
}

// look tells how far a version has come, whenever that changes.
func (w *watcher) look(ctx context.Context, d params.Document) {
	last := ""
	for ctx.Err() == nil {
		if list, err := w.c.Replicas(ctx, d.Model); err == nil { // else next tells
			s := sight{Model: d.Model, Version: d.Version, Replicas: spreadOf(list, d)}
			if now := s.Replicas.String(); now != last && len(list) > 0 {
				last = now
				w.see(s)
			}
		}
		pause(ctx, lookEvery)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func spreadOf(list []registry.Replica, d params.Document) *spread {
	s := &spread{Of: len(list)}
	for _, r := range list {
		if r.Version == d.Version && r.Digest == d.Digest {
			s.On++
		} else {
			s.Others = append(s.Others, r)
		}
	}
	return s
}

// String says what is to be seen of the spread, of the replicas that serve another
// version by name.
func (s *spread) String() string {
	text := fmt.Sprintf("%d of %d", s.On, s.Of)
	for _, r := range s.Others {
		text += fmt.Sprintf(", %s on v%d (%s", r.Name, r.Version, r.State)
		if r.Error != "" {
			text += ": " + r.Error
		}
		text += ")"
	}
	return text
}

func (s sight) text(w io.Writer) error {
	var err error
	if s.Document != nil {
		_, err = fmt.Fprintf(w, "%s, %s\n", title(*s.Document), story(*s.Document))
	} else {
		_, err = fmt.Fprintf(w, "%s: on v%d %s\n", s.Model, s.Version, s.Replicas)
	}
	return err
}
