package bench

import (
	"context"
	"fmt"

	"github.com/corecast/corecast/lisp"
)

// against compares with another Map-Server: Map-Requests per second of CPU
// time, at the least size.
func (m *mapServerBench) against(ctx context.Context) error {
	size := m.o.Sizes[0]
	if m.o.AgainstSecret != "" {
		packets, err := signedRegisters(0, size, 1, 0, lisp.NewKey([]byte(m.o.AgainstSecret)), lisp.Auth{Algorithm: lisp.AlgorithmSHA1})
		if err != nil {
			return err
		}
		if _, err := register(m.o.Against, packets); err != nil {
			return err
		}
	}
	return m.withProcess(childConfig{}, func(server *process) error {
		if err := server.fill(0, size); err != nil {
			return err
		}
		ours, theirs := []float64{}, []float64{}
		for range m.o.Turns {
			c := contestant{process: server, nonce: replyNonce}
			if err := c.turn(ctx, size, m.o.Slice); err != nil {
				return err
			}
			ours = append(ours, 1e9/c.cpu[0])
			rate, err := m.othersTurn(ctx, size)
			if err != nil {
				return err
			}
			theirs = append(theirs, rate)
		}
		m.report.addSeries(series{"Map-Requests per CPU-second at " + prefixes(size), "/s", ours},
			series{"Map-Requests per CPU-second of " + m.o.Against.String(), "/s", theirs})
		return nil
	})
}

// othersTurn is how many Map-Requests the other server answers in a second of
// its CPU time.
func (m *mapServerBench) othersTurn(ctx context.Context, size int) (float64, error) {
	before, err := cpuOf(m.o.AgainstPID)
	if err != nil {
		return 0, err
	}
	got, err := ask(ctx, m.o.Against, size, replyNonce, m.o.Slice)
	if err != nil {
		return 0, err
	}
	after, err := cpuOf(m.o.AgainstPID)
	if err != nil {
		return 0, err
	}
	if after == before {
		return 0, fmt.Errorf("process %d used no CPU time while %s answered %d Map-Requests: is it that server's?", m.o.AgainstPID, m.o.Against, got.answers)
	}
	return float64(got.answers) / (after - before).Seconds(), nil
}
