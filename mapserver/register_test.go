package mapserver

import "testing"

func TestRegisterAndAsk(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	if got, want := h.rlocs("10.1.2.3"), "10.1.0.0/16 1m0s Natively-Forward"; got != want {
		t.Errorf("before: %s, want %s", got, want)
	}
	h.register(etr, registerOf(1, record("10.1.0.0/16", 1440, "2001:db8::10", "192.0.2.10")), true)
	if got, want := h.rlocs("10.1.2.3"), "10.1.0.0/16 24h0m0s 192.0.2.10 2001:db8::10"; got != want {
		t.Errorf("after: %s, want %s", got, want)
	}
}
