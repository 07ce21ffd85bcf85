package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// look is what an owner remembers within one session.
type look struct {
	session *p4rt.Session
	took    time.Duration // to read everything back, the last time
	before  bool          // everything was compared once since we connected
}

// compare makes the switch hold what is wanted, whatever it holds now. A switch
// that is right is not written to.
func (o *owner) compare(ctx context.Context, l *look) error {
	select { // waiting for others is not the switch's fault: no timeout
	case o.looks.memory <- struct{}{}:
		defer func() { <-o.looks.memory }()
	case <-l.session.Done():
		return l.session.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, o.opts.Timeout)
	defer cancel()
	if err := o.ensureProgram(ctx, l); err != nil {
		return err
	}
	if !l.before {
		version, err := l.session.Version(ctx)
		if err != nil {
			return err
		}
		o.board.update(func(s *SwitchStatus) { s.Version = version })
	}
	start := time.Now()
	have, err := readHeld(ctx, l.session)
	l.took = time.Since(start)
	if err != nil {
		return err
	}
	return o.repair(ctx, l, have)
}

// repair writes the difference between what the switch holds and what is
// wanted.
func (o *owner) repair(ctx context.Context, l *look, have *held) error {
	if !o.adopted {
		o.adopted = true
		got, differ := o.plan.adopt(have.entries, o.opts)
		if differ {
			o.rebuild()
		}
		o.slow.inherit(ctx, got)
	}
	wanted, untold, version := o.plan.takeAll()
	todo := diff(wanted, have)
	if l.before {
		o.countDrift(todo, untold)
	}
	l.before = true
	o.ledger.read()
	o.board.update(func(s *SwitchStatus) {
		s.Foreign, s.Lacks = foreign(wanted, have), have.lacks
		s.Wanted, s.Installed, s.Problems = wanted.count(), wanted.count()-todo.pending(), wanted.Problems
	})
	err := o.write(ctx, l.session, todo)
	if err == nil {
		o.ledger.clear()
	}
	return o.wrote(version, err)
}

// follow writes what has changed since the last time.
func (o *owner) follow(ctx context.Context, l *look) error {
	todo, version, whole := o.plan.take()
	if whole {
		return o.compare(ctx, l)
	}
	ctx, cancel := context.WithTimeout(ctx, o.opts.Timeout)
	defer cancel()
	return o.wrote(version, o.write(ctx, l.session, todo))
}

// ensureProgram pushes the program if the switch runs another.
func (o *owner) ensureProgram(ctx context.Context, l *look) error {
	pushed, err := l.session.EnsurePipeline(ctx, o.program)
	if err != nil || !pushed {
		return err
	}
	l.before = false // what it held is gone, and that is no drift
	o.log.Info("program pushed", "cookie", fmt.Sprintf("%016x", o.program.Cookie()))
	o.board.update(func(s *SwitchStatus) { s.Pipelines++ })
	return nil
}

// readHeld reads back what a switch holds. Meters that a target cannot read are
// taken to be as they started.
func readHeld(ctx context.Context, session *p4rt.Session) (*held, error) {
	h := &held{}
	var err error
	if h.entries, err = session.ReadEntries(ctx); err != nil {
		return nil, err
	}
	if h.groups, err = session.ReadGroups(ctx); err != nil {
		return nil, err
	}
	h.meters, err = session.ReadMeters(ctx)
	if errors.Is(err, p4rt.ErrUnimplemented) {
		h.lacks = append(h.lacks, "reading meters: limits are written at each look")
		err = nil
	}
	return h, err
}

// countDrift counts what must be repaired although nobody asked for a change:
// somebody else has been at the switch.
func (o *owner) countDrift(todo stages, untold map[string]*p4rt.Entry) {
	drift, first := 0, ""
	for _, stage := range todo {
		for _, u := range stage {
			key := u.Object.Key()
			if _, ok := untold[key]; ok || o.ledger.fails(key) {
				continue
			}
			if drift++; first == "" {
				first = u.String()
			}
		}
	}
	if drift == 0 {
		return
	}
	o.log.Warn("the switch did not hold what was written; repairing", "updates", drift, "first", first)
	o.board.update(func(s *SwitchStatus) { s.Drift += uint64(drift) })
}

// foreign lists what a switch holds that is not ours, and is left alone.
func foreign(wanted *Holding, have *held) []string {
	const shown = 20
	ours := map[string]bool{}
	for _, table := range writeOrder {
		ours[table] = true
	}
	var list []string
	for _, g := range have.groups {
		if !ownGroup(g.ID) {
			list = append(list, g.String())
		}
	}
	for _, e := range have.entries {
		if !ours[e.Table] && !e.Default {
			list = append(list, e.String())
		}
	}
	if more := len(list) - shown; more > 0 {
		list = append(list[:shown], fmt.Sprintf("and %d more", more))
	}
	return list
}

// write makes the stages in order. Refused updates do not stop it: what can be
// installed is, and all refusals are returned together.
func (o *owner) write(ctx context.Context, session *p4rt.Session, todo stages) error {
	if n := todo.count(); n > 0 {
		o.log.Debug("writing", "updates", n)
		o.board.update(func(s *SwitchStatus) {
			if s.Phase != Failing { // failing stays, with its reason, until ready
				s.Phase, s.Reason = Syncing, fmt.Sprintf("%d updates to write", n)
			}
		})
	}
	all := &p4rt.WriteError{}
	left := todo.count()
	for _, stage := range todo {
		start := time.Now()
		err := session.Write(ctx, stage)
		left -= len(stage)
		o.tellSlow(len(stage), left, time.Since(start))
		var refused *p4rt.WriteError
		if err != nil && !errors.As(err, &refused) {
			return err
		}
		all.Updates += len(stage)
		made := len(stage)
		if refused != nil {
			made -= len(refused.Errors)
			all.Errors = append(all.Errors, refused.Errors...)
		}
		o.ledger.note(stage, refused)
		o.board.update(func(s *SwitchStatus) { s.Updates += uint64(made) })
	}
	if len(all.Errors) > 0 {
		return all
	}
	return nil
}

// slowWrite is how long a request may take before the status says that the switch
// is slow.
const slowWrite = time.Second

// tellSlow says that a switch is slow, while more is to be written.
func (o *owner) tellSlow(made, left int, took time.Duration) {
	if took < slowWrite || left == 0 {
		return
	}
	o.board.update(func(s *SwitchStatus) {
		if s.Phase == Syncing {
			s.Reason = fmt.Sprintf("%d updates to write; the switch is slow: the last %d took it %v", left, made, took.Round(time.Millisecond))
		}
	})
}

// wrote brings the status up to date after a write that led to version.
func (o *owner) wrote(version uint64, err error) error {
	var refused *p4rt.WriteError
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	wanted, untold, problems := o.plan.count()
	failing, total := o.failing()
	o.board.update(func(s *SwitchStatus) {
		s.Wanted, s.Problems = wanted, problems
		s.Failing, s.Installed = failing, wanted-untold-total
		if total == 0 && err == nil {
			s.Phase, s.Reason, s.Fix = Ready, "", ""
		}
	})
	if err == nil {
		if o.plan.settled(version) {
			o.nudge()
		}
		o.installed.Store(version)
		select {
		case o.settled <- struct{}{}:
		default:
		}
	}
	return err
}

// ownGroup reports whether a multicast group is one of the program's.
func ownGroup(id uint32) bool {
	return id >= build.CopyGroupBase && id < build.CopyGroupBase+build.MaxPorts ||
		id > build.ListGroupBase && id <= build.ListGroupBase+listGroups ||
		id >= build.MulticastGroupBase && id < build.MulticastGroupBase+build.MaxStreams
}
