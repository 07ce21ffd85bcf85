package demo

import "time"

// watch reports progress until the returned function is called.
func (s *stage) watch() (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(progressTick)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.observe(s.moment())
			case <-quit:
				s.observe(s.moment())
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}

func (s *stage) moment() Progress {
	sent, passed := s.progress.Counts(), s.transit.snapshot()
	p := Progress{
		Elapsed: time.Since(s.begun), Payloads: sent.Payloads, Headers: sent.Headers, Transit: passed.Bytes,
		Unicast: unicastBytes(s.options.Clients, sent.Payloads, sent.MediaBytes),
	}
	for _, v := range s.viewers {
		p.Viewers = append(p.Viewers, v.snapshot())
	}
	return p
}
