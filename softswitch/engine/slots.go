package engine

import (
	"fmt"
	"strings"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// Names to slots: compiled code asks for fields here, and so makes them live.

// header returns the header of that name.
func (l *layout) header(name string) (*headerDef, error) {
	h := l.byName[name]
	if h == nil {
		return nil, fmt.Errorf("no header %q", name)
	}
	return h, nil
}

// lookup finds a field without making it live.
func (l *layout) lookup(ref bmv2json.FieldRef) (*headerDef, int, bool) {
	h := l.byName[ref.Header]
	if h != nil {
		if i, ok := h.byName[ref.Field]; ok {
			return h, i, true
		}
	}
	return nil, 0, false
}

// field returns a field and makes it live.
func (l *layout) field(header, name string) (*fieldLoc, error) {
	ref := bmv2json.FieldRef{Header: header, Field: name}
	h, i, ok := l.lookup(ref)
	if !ok {
		if name == "$valid$" && l.byName[header] != nil {
			d := l.byName[header]
			return &fieldLoc{name: name, bits: 1, hdr: d, live: true, slot: d.index}, nil
		}
		return nil, fmt.Errorf("no field %s", ref)
	}
	l.touch(h.typ, i)
	return h.fields[i], nil
}

// target resolves a field by the name under which the switch knows it:
// through an alias, or literally.
func (l *layout) target(name string) (*headerDef, int, bool) {
	if ref, ok := l.aliases[name]; ok {
		return l.lookup(ref)
	}
	if header, field, ok := strings.Cut(name, "."); ok {
		if h, i, ok := l.lookup(bmv2json.FieldRef{Header: header, Field: field}); ok {
			return h, i, true
		}
		return l.lookup(bmv2json.FieldRef{Header: "standard_metadata", Field: field})
	}
	return nil, 0, false
}

// touch makes field i live in all instances of t.
func (l *layout) touch(t *headerType, i int) {
	if i < len(t.named) {
		t.named[i]++
	}
	if t.insts[0].fields[i].live {
		return
	}
	if l.closed {
		panic("engine: layout is closed")
	}
	t.live = append(t.live, i)
	for _, h := range t.insts {
		f := h.fields[i]
		f.live = true
		if f.wide() {
			f.slot, f.home = l.wides, l.homes
			l.wideBytes = append(l.wideBytes, int32(f.bytes()))
			l.wides++
			l.homes += f.bytes()
		} else {
			f.slot = l.words
			l.words++
		}
	}
}

// write marks a field as one that the program changes, so that the deparser
// takes it from its slot.
func (l *layout) write(f *fieldLoc) error {
	i, ok := f.hdr.byName[f.name]
	if !ok {
		return fmt.Errorf("%s is read-only", f)
	}
	f.hdr.typ.written[i] = true
	return nil
}
