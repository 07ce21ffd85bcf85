package lisp_test

import (
	"testing"

	"github.com/corecast/corecast/lisp"
)

func TestCapability(t *testing.T) {
	want := lisp.Capability{Version: 1, List: 32}
	l, err := want.Locator()
	if err != nil || l.Priority != 255 || l.MPriority != 255 || l.Address.LCAFType() != lisp.LCAFJSON {
		t.Fatalf("%+v, %v", l, err)
	}
	if text := string(l.Address.Raw[10 : len(l.Address.Raw)-2]); text != `{"corecast":1,"list":32}` {
		t.Errorf("JSON %s", text)
	}
	if got, ok := l.Capability(); !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
}

func TestNoCapability(t *testing.T) {
	locator := func(priority uint8, text string, binary bool) lisp.Locator {
		return lisp.Locator{Priority: priority, Address: lcafAddress(t, &lisp.JSON{Text: []byte(text), Binary: binary})}
	}
	for name, l := range map[string]lisp.Locator{
		"IP":           {Priority: 255, Address: ip("192.0.2.1")},
		"another LCAF": {Priority: 255, Address: lcafAddress(t, &lisp.AFIList{})},
		"broken LCAF":  {Priority: 255, Address: lisp.Address{Raw: unhex(t, "400300000e000000")}},
		"in use":       locator(1, `{"corecast":1,"list":32}`, false),
		"binary":       locator(255, `{"corecast":1,"list":32}`, true),
		"no JSON":      locator(255, `{"corecast":1`, false),
		"other JSON":   locator(255, `{"router":"192.0.2.1"}`, false),
		"no list":      locator(255, `{"corecast":1}`, false),
		"a text":       locator(255, `{"corecast":"1","list":32}`, false),
	} {
		if got, ok := l.Capability(); ok || got != (lisp.Capability{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	more := locator(255, `{"corecast":2,"list":64,"more":[]}`, false)
	if got, ok := more.Capability(); !ok || got != (lisp.Capability{Version: 2, List: 64}) {
		t.Errorf("%+v, %v", got, ok)
	}
}

func TestWantsCapability(t *testing.T) {
	xtr := lisp.CoreCastXTR([16]byte{1})
	if xtr.String() != "01000000000000000000000000000000@434f524543415354" {
		t.Error(xtr)
	}
	for _, c := range []struct {
		m    lisp.MapRequest
		want bool
	}{
		{lisp.MapRequest{HasXTR: true, XTR: xtr}, true},
		{lisp.MapRequest{XTR: xtr}, false},
		{lisp.MapRequest{HasXTR: true, XTR: lisp.XTR{ID: xtr.ID}}, false},
	} {
		if got := c.m.WantsCapability(); got != c.want {
			t.Errorf("%+v: %v", c.m, got)
		}
	}
}
