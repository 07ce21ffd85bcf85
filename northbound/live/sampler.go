package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/p4rt"
)

// Counters is what is asked of a *controller.Controller.
type Counters interface {
	ChannelLoad(ctx context.Context, channel string) (controller.ChannelLoad, error)
	Drops(ctx context.Context, switchName string) (map[string]p4rt.Count, error)
	Punts(ctx context.Context, switchName string) (map[string]p4rt.Count, error)
}

const (
	// Period is how old an answer may be.
	Period = time.Second
	// firstPeriod is how soon the second reading follows the first: there are no
	// rates without it.
	firstPeriod = 250 * time.Millisecond
	// readTimeout bounds one reading.
	readTimeout = 2 * time.Second
	// forgetAfter is how long nobody must have asked.
	forgetAfter = time.Minute
	// maxSubjects is how many channels, and how many switches, are followed.
	maxSubjects = 256
	// readers is how many are read at the same time.
	readers = 8
)

// ErrTooMany says that so many others are looked at that this one has to wait.
var ErrTooMany = errors.New("too many channels and switches are looked at: close other pages, or wait a minute")

// Sampler answers from the counters. Make it with New; all methods may be called
// by any goroutine.
type Sampler struct {
	counters Counters
	now      func() time.Time
	room     chan struct{} // for readers

	mu       sync.Mutex // guards what follows; not held while counters are read
	channels map[string]*subject[*channelSeries]
	switches map[string]*subject[*switchSeries]
}

// New makes a Sampler.
func New(c Counters) *Sampler {
	return &Sampler{
		counters: c, now: time.Now, room: make(chan struct{}, readers),
		channels: map[string]*subject[*channelSeries]{}, switches: map[string]*subject[*switchSeries]{},
	}
}

// Channels returns the traffic of channels, in the order of their names given.
func (s *Sampler) Channels(ctx context.Context, names ...string) []Channel {
	out := make([]Channel, len(names))
	s.each(len(names), func(i int) {
		subject, err := find(s, s.channels, names[i], newChannelSeries)
		if err != nil {
			out[i] = Channel{Name: names[i], Err: err}
			return
		}
		out[i] = look(ctx, s, subject, func(series *channelSeries, ctx context.Context) (bool, Channel) {
			load, err := s.counters.ChannelLoad(ctx, names[i])
			return series.add(names[i], load, err, s.now())
		})
	})
	return out
}

// Switches returns what switches dropped and gave to the controller, in the
// order of their names given.
func (s *Sampler) Switches(ctx context.Context, names ...string) []Switch {
	out := make([]Switch, len(names))
	s.each(len(names), func(i int) {
		subject, err := find(s, s.switches, names[i], newSwitchSeries)
		if err != nil {
			out[i] = Switch{Name: names[i], Err: err}
			return
		}
		out[i] = look(ctx, s, subject, func(series *switchSeries, ctx context.Context) (bool, Switch) {
			drops, err := s.counters.Drops(ctx, names[i])
			punts, err2 := s.counters.Punts(ctx, names[i])
			return series.add(names[i], drops, punts, errors.Join(err, err2), s.now())
		})
	})
	return out
}

// each calls f for 0 to n-1 at the same time.
func (s *Sampler) each(n int, f func(int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// subject is one channel or switch that is followed.
type subject[T any] struct {
	asked time.Time // guarded by the Sampler's mu

	mu     sync.Mutex // held while it is read; guards what follows
	read   time.Time  // the last reading
	steady bool       // rates are known
	series T
	answer any
}

// find returns the subject of a name, and forgets those that nobody asks for.
func find[T any](s *Sampler, all map[string]*subject[T], name string, fresh func() T) (*subject[T], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	found := all[name]
	if found == nil {
		for other, sub := range all {
			if now.Sub(sub.asked) > forgetAfter {
				delete(all, other)
			}
		}
		if len(all) >= maxSubjects {
			return nil, ErrTooMany
		}
		found = &subject[T]{series: fresh()}
		all[name] = found
	}
	found.asked = now
	return found, nil
}

// look answers from the last reading, or reads again if that is too old. The
// reading does not end with ctx: others wait for it too.
func look[T, A any](ctx context.Context, s *Sampler, sub *subject[T], read func(T, context.Context) (bool, A)) A {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	period := Period
	if !sub.steady {
		period = firstPeriod
	}
	// A tick that comes a little early is meant for a new reading.
	if answer, ok := sub.answer.(A); ok && s.now().Sub(sub.read) < period*9/10 {
		return answer
	}
	s.room <- struct{}{}
	defer func() { <-s.room }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	sub.read = s.now()
	var answer A
	sub.steady, answer = read(sub.series, ctx)
	sub.answer = answer
	return answer
}
