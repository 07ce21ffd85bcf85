package p4rtserver

import (
	"slices"
	"strings"
	"testing"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestUpdateRefusals(t *testing.T) {
	f, _ := newReadyFixture(t)
	f.mustWrite(insert(l2Entry))
	replaced := func(s, old, new string) string {
		if !strings.Contains(s, old) {
			t.Fatalf("no %q in %s", old, s)
		}
		return strings.Replace(s, old, new, 1)
	}
	tests := []struct {
		update string
		code   codes.Code
		want   string
	}{
		{``, codes.InvalidArgument, "no entity"},
		{`type: INSERT`, codes.InvalidArgument, "no entity"},
		{`entity { ` + l2Entry + `} }`, codes.InvalidArgument, "UNSPECIFIED"},
		{`type: INSERT entity { }`, codes.InvalidArgument, "not set"},
		{insert(`table_entry { table_id: 1 `), codes.InvalidArgument, "table_id 1"},
		{insert(`table_entry { `), codes.InvalidArgument, "table_id 0"},
		{insert(`table_entry { table_id: <l2> `), codes.InvalidArgument, `"hdr.ethernet.dst" is exact`},
		{insert(l2Entry + `priority: 1`), codes.InvalidArgument, "must be 0"},
		{insert(l2Entry + `idle_timeout_ns: 1`), codes.InvalidArgument, "no idle timeout"},
		{insert(l2Entry + `time_since_last_hit {}`), codes.InvalidArgument, "time_since_last_hit"},
		{insert(l2Entry + `meter_config {}`), codes.InvalidArgument, "no direct meter"},
		{insert(l2Entry + `match { field_id: 1 exact { value: "\x01" } }`), codes.InvalidArgument, "twice"},
		{insert(l2Entry + `match { field_id: 2 exact { value: "\x01" } }`), codes.InvalidArgument, "field 2"},
		{insert(replaced(l2Entry, `\x02\x00`, `\x01\x02\x00`)), codes.InvalidArgument, "48"},
		{insert(replaced(l2Entry, `"\x02\x00\x00\x00\x00\x01"`, `""`)), codes.InvalidArgument, "empty"},
		{insert(replaced(l2Entry, `exact { value: "\x02\x00\x00\x00\x00\x01" }`, `lpm { value: "\x01" prefix_len: 48 }`)), codes.InvalidArgument, "exact"},
		{insert(replaced(l2Entry, `\x03`, `\x02\x00`)), codes.InvalidArgument, `"port"`},
		{insert(replaced(l2Entry, `<forward>`, `<tag>`)), codes.InvalidArgument, "no action"},
		{insert(replaced(l2Entry, `param_id: 1`, `param_id: 2`)), codes.InvalidArgument, "no parameter 2"},
		{insert(replaced(l2Entry, `params { param_id: 1 value: "\x03" }`, ``)), codes.InvalidArgument, "missing"},
		{insert(replaced(l2Entry, `params { param_id: 1 value: "\x03" }`, `params { param_id: 1 value: "\x03" } params { param_id: 1 value: "\x03" }`)), codes.InvalidArgument, "twice"},
		{insert(`table_entry { table_id: <l2> match { field_id: 1 exact { value: "\x09" } } action { action_profile_member_id: 1 } `), codes.InvalidArgument, "action profile"},
		{insert(`table_entry { table_id: <l2> match { field_id: 1 exact { value: "\x09" } } `), codes.InvalidArgument, "needs an action"},
		{insert(replaced(routeEntry, "prefix_len: 16", "prefix_len: 15")), codes.InvalidArgument, "prefix length"},
		{insert(replaced(routeEntry, "prefix_len: 16", "prefix_len: 0")), codes.InvalidArgument, "prefix length 0"},
		{insert(replaced(routeEntry, "prefix_len: 16", "prefix_len: 129")), codes.InvalidArgument, "129"},
		{insert(routeEntry + `counter_data { packet_count: 1 }`), codes.InvalidArgument, "no direct counter"},
		{insert(replaced(aclEntry, "priority: 10", "")), codes.InvalidArgument, "priority"},
		{insert(replaced(aclEntry, "priority: 10", "priority: -1")), codes.InvalidArgument, "negative"},
		{insert(replaced(aclEntry, `mask: "\xff"`, `mask: "\x00"`)), codes.InvalidArgument, "mask 0"},
		{insert(replaced(aclEntry, `mask: "\xff"`, `mask: "\xfe"`)), codes.InvalidArgument, "outside its mask"},
		{insert(replaced(aclEntry, `low: "\x00"`, `low: "\x05\x00"`)), codes.InvalidArgument, "above high"},
		{insert(replaced(aclEntry, `high: "\x04\x00"`, `high: "\xff\xff"`)), codes.InvalidArgument, "whole range"},
		{insert(`table_entry { table_id: <kinds> match { field_id: 1 exact { value: "\x01" } } action { action { action_id: <drop> } } `), codes.PermissionDenied, "const"},
		{remove(`table_entry { table_id: <kinds> match { field_id: 1 exact { value: "\xee" } } `), codes.PermissionDenied, "const"},
		{insert(`table_entry { table_id: <keyless> action { action { action_id: <forward> params { param_id: 1 value: "\x01" } } } `), codes.InvalidArgument, "no key"},
		{insert(`table_entry { table_id: <l2> is_default_action: true `), codes.InvalidArgument, "only be modified"},
		{modify(`table_entry { table_id: <l2> is_default_action: true priority: 1 `), codes.InvalidArgument, "no match and no priority"},
		{modify(`table_entry { table_id: <kinds> is_default_action: true action { action { action_id: <drop> } } `), codes.PermissionDenied, ""},
		{modify(`table_entry { table_id: <routes> is_default_action: true action { action { action_id: <tag> params { param_id: 1 value: "\x01" } } } `), codes.PermissionDenied, "tag"},
		{insert(`counter_entry { counter_id: <arrivals> `), codes.InvalidArgument, "only be modified"},
		{modify(`counter_entry { counter_id: 1 `), codes.InvalidArgument, "counter_id 1"},
		{modify(`counter_entry { counter_id: <arrivals> index { index: -1 } `), codes.InvalidArgument, "negative"},
		{modify(`counter_entry { counter_id: <arrivals> index { index: 8 } `), codes.OutOfRange, "index 8"},
		{insert(`direct_counter_entry { ` + l2Entry + `}`), codes.InvalidArgument, "only be modified"},
		{modify(`direct_counter_entry { ` + routeEntry + `}`), codes.InvalidArgument, "no direct counter"},
		{modify(`direct_counter_entry { ` + replaced(l2Entry, `\x02\x00`, `\x04\x00`) + `} data { packet_count: 1 }`), codes.NotFound, ""},
		{modify(`register_entry { register_id: 1 `), codes.InvalidArgument, "register_id 1"},
		{modify(`register_entry { register_id: <last_source> `), codes.InvalidArgument, "bitstring"},
		{modify(`register_entry { register_id: <last_source> data { bitstring: "\x01\x00\x00\x00\x00\x00\x00" } `), codes.InvalidArgument, "48"},
		{modify(`digest_entry { digest_id: <learn_t> `), codes.NotFound, "not enabled"},
		{insert(`digest_entry { digest_id: 1 `), codes.InvalidArgument, "digest_id 1"},
		{insert(`packet_replication_engine_entry { `), codes.InvalidArgument, "neither"},
		{insert(`packet_replication_engine_entry { multicast_group_entry { }`), codes.InvalidArgument, "multicast_group_id 0"},
		{insert(`packet_replication_engine_entry { multicast_group_entry { multicast_group_id: 1 replicas { egress_port: 512 } }`), codes.InvalidArgument, "512"},
		{insert(`packet_replication_engine_entry { multicast_group_entry { multicast_group_id: 1 replicas { instance: 65536 } }`), codes.InvalidArgument, "65536"},
		{insert(`packet_replication_engine_entry { multicast_group_entry { multicast_group_id: 1 replicas { egress_port: 1 } replicas { egress_port: 1 } }`), codes.InvalidArgument, "twice"},
		{insert(`packet_replication_engine_entry { clone_session_entry { session_id: 32768 }`), codes.InvalidArgument, "session_id 32768"},
		{insert(`packet_replication_engine_entry { clone_session_entry { session_id: 1 class_of_service: 1 }`), codes.Unimplemented, "class_of_service"},
		{insert(`packet_replication_engine_entry { clone_session_entry { session_id: 1 packet_length_bytes: -1 }`), codes.InvalidArgument, "packet_length_bytes"},
		{insert(aging + `idle_timeout_ns: 1`), codes.Unimplemented, "idle_timeout_ns"},
		{insert(aging + `meter_config {}`), codes.Unimplemented, "meter_config"},
		{insert(`meter_entry { `), codes.InvalidArgument, "meter_id 0"},
		{insert(`meter_entry { meter_id: <budgets> `), codes.InvalidArgument, "can only be modified"},
		{modify(`meter_entry { meter_id: <budgets> index { index: 4 } `), codes.OutOfRange, "beyond the last, 3"},
		{modify(`meter_entry { meter_id: <budgets> config { cir: -1 } `), codes.InvalidArgument, "cir -1 is negative"},
		{modify(`meter_entry { meter_id: <budgets> config { cir: 2 pir: 1 } `), codes.InvalidArgument, "pir 1 is below cir 2"},
		{modify(`meter_entry { meter_id: <budgets> counter_data { } `), codes.Unimplemented, "counter_data"},
		{insert(`direct_meter_entry { table_entry { table_id: <aging> } `), codes.InvalidArgument, "can only be modified"},
		{modify(`direct_meter_entry { ` + aging + `} `), codes.NotFound, ""},
		{modify(`direct_meter_entry { ` + l2Entry + `} `), codes.InvalidArgument, "no direct meter"},
		{modify(`direct_meter_entry { table_entry { table_id: <aging> is_default_action: true } `), codes.Unimplemented, "default entry"},
		{insert(`action_profile_member { `), codes.Unimplemented, "action_profile_member"},
		{insert(`value_set_entry { `), codes.Unimplemented, "value_set_entry"},
		{insert(`extern_entry { `), codes.Unimplemented, "extern_entry"},
	}
	for _, tt := range tests {
		err := f.write(tt.update)
		if status.Code(err) != codes.Unknown {
			t.Errorf("%s: %v, want UNKNOWN with details", tt.update, err)
			continue
		}
		got := batchErrors(t, err)
		if len(got) != 1 || got[0].CanonicalCode != int32(tt.code) || !strings.Contains(got[0].Message, tt.want) {
			t.Errorf("%s:\n got %v\nwant %v with %q", tt.update, got, tt.code, tt.want)
		}
	}
	f.expectRead(`table_entry { table_id: <l2> }`, l2Entry+"}")
}

func TestFullTableIsResourceExhausted(t *testing.T) {
	f, _ := newReadyFixture(t)
	for i := 2; i <= 5; i++ {
		f.mustWrite(insert(strings.Replace(routeEntry, "prefix_len: 16", "prefix_len: "+string(rune('0'+i))+"0", 1)))
	}
	err := f.write(insert(routeEntry))
	if got := batchErrors(t, err); len(got) != 1 || got[0].CanonicalCode != int32(codes.ResourceExhausted) {
		t.Fatalf("a fifth entry in a table of 4: %v", got)
	}
}

func TestUnknownFieldsAreRefused(t *testing.T) {
	f, _ := newReadyFixture(t)
	u := parse(f, insert(`packet_replication_engine_entry { multicast_group_entry { multicast_group_id: 1 replicas { instance: 1 } }`), &p4v1.Update{})
	replica := u.Entity.GetPacketReplicationEngineEntry().GetMulticastGroupEntry().Replicas[0]
	// Replica.port of P4Runtime 1.4.0, which has to be a port, not port 0.
	replica.ProtoReflect().SetUnknown(protowire.AppendString(protowire.AppendTag(nil, 3, protowire.BytesType), "\x05"))
	_, err := f.client.Write(t.Context(), &p4v1.WriteRequest{DeviceId: testDevice, ElectionId: &p4v1.Uint128{Low: 1}, Updates: []*p4v1.Update{u}})
	if got := batchErrors(t, err); len(got) != 1 || got[0].CanonicalCode != int32(codes.InvalidArgument) || !strings.Contains(got[0].Message, "p4.v1.Replica has a field 3") {
		t.Fatalf("%v", got)
	}
}

func TestReadRefusals(t *testing.T) {
	f, _ := newReadyFixture(t)
	f.mustWrite(insert(l2Entry))
	tests := []struct {
		request string
		code    codes.Code
	}{
		{``, codes.InvalidArgument},
		{`table_entry { table_id: 5 }`, codes.InvalidArgument},
		{`table_entry { table_id: <l2> match { field_id: 1 exact { } } }`, codes.InvalidArgument},
		{`table_entry { table_id: <l2> time_since_last_hit { } }`, codes.Unimplemented},
		{`table_entry { table_id: <l2> action { action { action_id: 3 } } }`, codes.InvalidArgument},
		{`counter_entry { counter_id: 5 }`, codes.InvalidArgument},
		{`counter_entry { counter_id: <arrivals> index { index: 100 } }`, codes.OutOfRange},
		{`direct_counter_entry { table_entry { table_id: <routes> } }`, codes.InvalidArgument},
		{`register_entry { register_id: 5 }`, codes.InvalidArgument},
		{`digest_entry { digest_id: 5 }`, codes.InvalidArgument},
		{`packet_replication_engine_entry { }`, codes.InvalidArgument},
		{`meter_entry { meter_id: 99 }`, codes.InvalidArgument},
		{`meter_entry { counter_data { } }`, codes.Unimplemented},
		{`direct_meter_entry { table_entry { table_id: <l2> } }`, codes.InvalidArgument},
		{`action_profile_group { }`, codes.Unimplemented},
	}
	for _, tt := range tests {
		got, err := f.read(`table_entry { table_id: <l2> }`, tt.request)
		if e := batchErrors(t, err); status.Code(err) != codes.Unknown || len(e) != 2 || e[0].CanonicalCode != 0 || e[1].CanonicalCode != int32(tt.code) {
			t.Errorf("%s: %v %v, want %v", tt.request, err, e, tt.code)
		}
		if len(got) != 1 {
			t.Errorf("%s: %d entities of the request beside it, want 1", tt.request, len(got))
		}
	}
	answer, err := f.client.Read(t.Context(), &p4v1.ReadRequest{DeviceId: 99})
	if err == nil {
		_, err = answer.Recv()
	}
	if status.Code(err) != codes.NotFound {
		t.Errorf("read from another device: %v, want NOT_FOUND", err)
	}
}

func TestBatchesAreBounded(t *testing.T) {
	f, _ := newReadyFixture(t)
	_, err := f.client.Write(t.Context(), &p4v1.WriteRequest{DeviceId: testDevice, ElectionId: &p4v1.Uint128{Low: 1}, Updates: make([]*p4v1.Update, maxBatch+1)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("write: %v, want RESOURCE_EXHAUSTED", err)
	}
	_, err = f.read(slices.Repeat([]string{""}, maxBatch+1)...)
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("read: %v, want RESOURCE_EXHAUSTED", err)
	}
}
