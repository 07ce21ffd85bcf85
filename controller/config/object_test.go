package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// decodeExample is a configuration with two sites, a switch and room for
// channels.
func decodeExample(t testing.TB, channels string) *Config {
	t.Helper()
	cfg, err := Decode("c.yaml", []byte(`
switches:
  - { name: itr1, address: "127.0.0.1:9559", device_id: 1, site: studio, ports: [ { id: 1, role: local, address: 10.0.0.1/24 } ] }
sites:
  - { name: studio, eid_prefixes: [10.0.0.0/16, "2001:db8:1::/48"], reserved_eids: 10.0.255.0/29, reserved_eids6: "2001:db8:1:ff::/125",
      rlocs: [ { address: 192.0.2.10 } ], corecast: true }
  - { name: other, eid_prefixes: [10.9.0.0/16] }
`+channels))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

const newsInFile = `channels:
  - { name: news, site: studio, source_eid: 10.0.0.10, ingress: { switch: itr1, port: 1 } }
`

// What one writes in YAML and in JSON is decoded to the same, and JSON of what
// was decoded is decoded to the same again.
func TestJSONIsDecodedAsYAML(t *testing.T) {
	t.Setenv("STUDIO_KEY", "s3cret")
	cfg := decodeExample(t, newsInFile)
	cfg.Sites[0].AuthKeys = []AuthKey{{ID: 1, Algorithm: "hmac-sha1-96", Secret: "x"}}
	cfg.Sites[0].RegistrationTimeout = 90e9
	cfg.Channels[0].Rate, cfg.Channels[0].Lists = 1_500_000, No
	again(t, cfg.Switches[0])
	again(t, cfg.Sites[0])
	again(t, cfg.Channels[0])
}

func again[T Object](t *testing.T, object T) {
	t.Helper()
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	strict, err := DecodeObject[T](data)
	if err != nil || !reflect.DeepEqual(strict, object) {
		t.Errorf("%s\ngives %+v, %v\nwant %+v", data, strict, err, object)
	}
	var plain T
	if err := json.Unmarshal(data, &plain); err != nil || !reflect.DeepEqual(plain, object) {
		t.Errorf("%s\ngives %+v, %v by encoding/json", data, plain, err)
	}
}

// Every key of the file has the same name in JSON.
func TestJSONNamesAreThoseOfTheFile(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ.PkgPath() != reflect.TypeFor[Config]().PkgPath() || seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if yaml := f.Tag.Get("yaml"); yaml != name || name == "" {
				t.Errorf("%v.%s: yaml %q, json %q", typ, f.Name, yaml, name)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[Switch]())
	walk(reflect.TypeFor[Site]())
	walk(reflect.TypeFor[Channel]())
	if len(seen) < 9 {
		t.Errorf("%d types only", len(seen))
	}
}

func TestDecodeObjectRefuses(t *testing.T) {
	for _, tt := range []struct{ body, want string }{
		{``, "is not valid JSON: unexpected EOF"},
		{`{"name":"a"`, "is not valid JSON"},
		{`{"name":"a"} {}`, "something follows the first value"},
		{`{'name':1}`, "at byte"},
		{`[]`, "cannot be a list; must be an object"},
		{`null`, "cannot be empty"},
		{`{"source_eid":"10.0.0.1/8"}`, `source_eid: cannot be "10.0.0.1/8"; must be an IP address`},
		{`{"source_eid":null}`, "source_eid: cannot be empty"},
		{`{"redundancy":256}`, `redundancy: cannot be "256"; must be a whole number, 0 to 255`},
		{`{"redundancy":1.5}`, "must be a whole number"},
		{`{"redundancy":"1"}`, "must be a whole number"},
		{`{"sourc_eid":"10.0.0.1"}`, "did you mean source_eid?"},
		{`{"site":"a","site":"b"}`, "site: is given twice"},
		{`{"ingress":{"switch":3}}`, `ingress.switch: cannot be "3"`},
		{`{"lists":"maybe"}`, "must be true or false"},
		{`{"ingress":` + strings.Repeat("[", 30) + strings.Repeat("]", 30) + `}`, "nested too deep"},
	} {
		_, err := DecodeObject[Channel]([]byte(tt.body))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.body, err, tt.want)
		}
	}
	many := `{"ports":[` + strings.Repeat("1,", 1000) + `1]}`
	var ce *Error
	if _, err := DecodeObject[Switch]([]byte(many)); !errors.As(err, &ce) || len(ce.Problems) != maxProblems {
		t.Errorf("problems are not bounded: %v", err)
	}
}

func FuzzDecodeObject(f *testing.F) {
	for _, seed := range []string{
		`{"name":"news","site":"studio","source_eid":"10.0.0.10","ingress":{"switch":"itr1","port":1},"rate":"4Mbps","lists":false}`,
		`{"eid_prefixes":["10.0.0.0/16"],"rlocs":[{"address":"192.0.2.1"}],"auth_keys":[{"id":1,"algorithm":"x","secret":"y"}]}`,
		`{"address":"127.0.0.1:1","ports":[{"id":1,"role":"local","address":"10.0.0.1/24","mac":"02:00:00:00:00:10"}]}`, `[[[`, `"`, `{"":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzed[Switch](t, data)
		fuzzed[Site](t, data)
		fuzzed[Channel](t, data)
	})
}

func fuzzed[T Object](t *testing.T, data []byte) {
	object, err := DecodeObject[T](data)
	if err != nil {
		return
	}
	out, err := json.Marshal(object)
	if err != nil {
		t.Fatalf("%s is decoded, but %+v cannot be encoded: %v", data, object, err)
	}
	// What was omitted and must be a word cannot be decoded before it is completed.
	if next, err := DecodeObject[T](out); err == nil && !reflect.DeepEqual(next, object) {
		t.Fatalf("%s is %+v, whose JSON %s is %+v", data, object, out, next)
	}
}

// With keeps what is told of the file's objects apart from the others.
func TestWith(t *testing.T) {
	cfg := decodeExample(t, newsInFile)
	more := cfg.With(nil, []Site{{Name: "paris", EIDPrefixes: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/24")}}},
		[]Channel{{Name: "news", Site: "studio", SourceEID: netip.MustParseAddr("10.0.0.11"), Ingress: Ingress{"itr1", 1}}})
	err := more.Complete()
	var ce *Error
	if !errors.As(err, &ce) {
		t.Fatal(err)
	}
	want := []string{
		`sites[2].eid_prefixes[0]: 10.9.0.0/24 overlaps 10.9.0.0/16 of site other at sites[1].eid_prefixes[0] (line 7) in instance 0; sites of one instance need separate prefixes`,
		`channels[1].name: "news" is the name of channels[0] (line 9) too; give each its own name`,
	}
	if err.Error() != strings.Join(want, "\n") {
		t.Errorf("%v\nwant\n%s", err, strings.Join(want, "\n"))
	}
	if o := more.Origin("sites[2]"); o != "" {
		t.Errorf("paris is at %s", o)
	}
	if o := more.Origin("sites[1]"); o != "c.yaml:7" {
		t.Errorf("other is at %s", o)
	}
	if list, i, rest, ok := SplitPath(ce.Problems[0].Path); list != "sites" || i != 2 || rest != "eid_prefixes[0]" || !ok {
		t.Errorf("%s %d %s %v", list, i, rest, ok)
	}
}

// Allocations of the channels in a file stay when others come before them.
func TestAllocationsStay(t *testing.T) {
	cfg := decodeExample(t, newsInFile)
	chosen := cfg.Allocations()
	if len(chosen) != 1 || cfg.Channels[0].ReservedEID != netip.MustParseAddr("10.0.255.1") {
		t.Fatalf("%v", chosen)
	}
	next := decodeExample(t, newsInFile[:len("channels:\n")]+`
  - { name: first, site: studio, source_eid: 10.0.0.9, ingress: { switch: itr1, port: 1 } }
`+newsInFile[len("channels:\n"):]).With(nil, nil, nil)
	next.Allocate(chosen)
	if err := next.Complete(); err != nil {
		t.Fatal(err)
	}
	if got := []string{next.Channels[0].ReservedEID.String(), next.Channels[1].ReservedEID.String()}; !slices.Equal(got, []string{"10.0.255.2", "10.0.255.1"}) {
		t.Errorf("%v", got)
	}
	taken := decodeExample(t, newsInFile+`
  - { name: first, site: studio, source_eid: 10.0.0.9, reserved_eid: 10.0.255.1, ingress: { switch: itr1, port: 1 } }
`).With(nil, nil, nil)
	taken.Allocate(chosen)
	if err := taken.Complete(); err != nil || taken.Channels[0].ReservedEID != netip.MustParseAddr("10.0.255.2") {
		t.Errorf("%v, %+v", err, taken.Channels[0])
	}
}

// One channel after the other comes and goes: each time Channels says what
// completing the whole says.
func TestChannelsIsComplete(t *testing.T) {
	base := decodeExample(t, "")
	rapid.Check(t, func(t *rapid.T) {
		cs := NewChannels(base)
		have := map[string]Channel{}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			ch := drawChannel(t)
			before, replaces := have[ch.Name]
			if rapid.IntRange(0, 4).Draw(t, "remove") == 0 {
				if replaces {
					cs.Remove(&before)
					delete(have, ch.Name)
				}
				continue
			}
			var was *Channel
			if replaces {
				was = &before
			}
			whole := wholeWith(base, have, ch, was)
			wantErr := whole.Complete()
			err := cs.Complete(&ch, was)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%+v beside %v: %v; the whole: %v", ch, have, err, wantErr)
			}
			if err != nil {
				continue
			}
			if got := whole.Channels[len(whole.Channels)-1]; got != ch {
				t.Fatalf("%+v; in the whole %+v", ch, got)
			}
			if replaces {
				cs.Remove(&before)
			}
			cs.Put(&ch)
			have[ch.Name] = ch
		}
	})
}

// wholeWith is a configuration with all that there is and ch, instead of was.
func wholeWith(base *Config, have map[string]Channel, ch Channel, was *Channel) *Config {
	var all []Channel
	for name, other := range have {
		if name != ch.Name {
			all = append(all, other)
		}
	}
	if was != nil && was.Site == ch.Site {
		if !ch.ReservedEID.IsValid() && was.ReservedEID.Is6() == ch.SourceEID.Is6() {
			ch.ReservedEID = was.ReservedEID
		}
		if !ch.ReservedEID6.IsValid() && ch.SourceEID6.IsValid() {
			ch.ReservedEID6 = was.ReservedEID6
		}
	}
	return base.With(nil, nil, append(all, ch))
}

func drawChannel(t *rapid.T) Channel {
	ch := Channel{
		Name:      rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "h", "A"}).Draw(t, "name"),
		Site:      rapid.SampledFrom([]string{"studio", "studio", "studio", "studio", "other", "none"}).Draw(t, "site"),
		SourceEID: netip.MustParseAddr(rapid.SampledFrom([]string{"10.0.0.10", "10.0.0.11", "10.0.255.1", "2001:db8:1::10", "10.9.0.1"}).Draw(t, "source")),
		Ingress:   Ingress{"itr1", uint16(rapid.IntRange(1, 8).Draw(t, "port")/8) + 1},
	}
	if rapid.Bool().Draw(t, "given") {
		ch.ReservedEID = netip.MustParseAddr(fmt.Sprintf("10.0.255.%d", rapid.IntRange(0, 9).Draw(t, "reserved")))
	}
	if rapid.Bool().Draw(t, "dual") {
		ch.SourceEID6 = netip.MustParseAddr("2001:db8:1::10")
	}
	return ch
}
