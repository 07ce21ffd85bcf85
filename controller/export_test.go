package controller

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"

	"github.com/corecast/corecast/controller/p4rt"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
)

// What is exported of a switch, as text, makes another hold the same.
func TestExport(t *testing.T) {
	cfg, _ := fig2(t)
	c, stop := run(t, cfg, nil, Options{})
	ready(t, c)
	wanted, err := c.Export("itr")
	if err != nil {
		t.Fatal(err)
	}
	held, err := c.ExportHeld(t.Context(), "itr")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(texts(wanted), texts(held)) {
		t.Errorf("wanted %v\nheld %v", wanted, held)
	}
	stop()

	empty := startTarget(t, 77)
	session, err := p4rt.Dial(t.Context(), c.schema, p4rt.Options{Address: empty.addr, DeviceID: 77, ElectionID: p4rt.ElectionID{Low: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if _, err := session.EnsurePipeline(t.Context(), c.program); err != nil {
		t.Fatal(err)
	}
	for _, set := range wanted {
		if err := session.Write(t.Context(), throughText(t, c.schema, set)); err != nil {
			t.Fatal(err)
		}
	}
	have, err := readHeld(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	if left := diff(wholeHolding(t, c, "itr"), have); len(left) != 0 {
		t.Errorf("missing: %v", left)
	}
	for _, name := range []string{"", "nosuch"} {
		if _, err := c.Export(name); err == nil {
			t.Errorf("%q was exported", name)
		}
		if _, err := c.ExportHeld(t.Context(), name); err == nil {
			t.Errorf("%q was exported", name)
		}
	}
	if _, err := c.ExportHeld(t.Context(), "itr"); err == nil {
		t.Error("what a switch holds was exported after the session had ended")
	}
}

// What a switch says of its replicas in another order than they were written in is
// exported in that of the writing: a copy goes before its header.
func TestExportOrdersReplicas(t *testing.T) {
	read := &p4rt.Group{ID: 7, Replicas: []p4rt.Replica{{Port: 3, Instance: 2}, {Port: 4, Instance: 1}, {Port: 3, Instance: 1}}}
	got := inWrittenOrder([]*p4rt.Group{read})[0]
	want := &p4rt.Group{ID: 7, Replicas: []p4rt.Replica{{Port: 3, Instance: 1}, {Port: 4, Instance: 1}, {Port: 3, Instance: 2}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if read.Replicas[0].Instance != 2 {
		t.Error("what was read was changed")
	}
}

// wholeHolding is what the controller wants a switch to hold.
func wholeHolding(t *testing.T, c *Controller, name string) *Holding {
	all, _, err := Desired(c.whole())
	if err != nil {
		t.Fatal(err)
	}
	return all[name]
}

func texts(w Writes) (all [][]string) {
	for _, set := range w {
		var lines []string
		for _, u := range set {
			lines = append(lines, u.String())
		}
		all = append(all, lines)
	}
	return all
}

// throughText writes and reads updates as prototext.
func throughText(t *testing.T, schema *p4rt.Schema, set []p4rt.Update) []p4rt.Update {
	t.Helper()
	w, err := schema.WriteRequest(set)
	if err != nil {
		t.Fatal(err)
	}
	text, err := prototext.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	var back p4v1.WriteRequest
	if err := prototext.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	updates, err := schema.ParseWriteRequest(&back)
	if err != nil {
		t.Fatal(err)
	}
	return updates
}
