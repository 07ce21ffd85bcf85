package controller

import (
	"reflect"
	"testing"
)

// What is found of one channel or stream is what is found among all.
func TestObjectsByName(t *testing.T) {
	cfg, _ := fig2(t)
	c, err := New(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []Kind{KindChannel, KindStream, KindSite} {
		all := map[string][]ObjectStatus{}
		for _, o := range c.Objects(kind, "") {
			all[o.Name] = append(all[o.Name], o)
		}
		if len(all) == 0 {
			t.Errorf("no %s", kind)
		}
		for name, want := range all {
			if got := c.Objects(kind, name); !reflect.DeepEqual(got, want) {
				t.Errorf("%s %s: %+v, want %+v", kind, name, got, want)
			}
		}
		if got := c.Objects(kind, "nobody"); len(got) != 0 {
			t.Errorf("%s nobody: %+v", kind, got)
		}
	}
}
