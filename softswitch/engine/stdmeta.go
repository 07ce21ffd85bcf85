package engine

import (
	"fmt"
)

// stdMeta are the fields that the switch itself reads and writes; nil is a
// field that the program does not have.
type stdMeta struct {
	ingressPort, egressSpec, egressPort, instanceType, packetLength *fieldLoc
	mcastGrp, egressRid, parserError, checksumError                 *fieldLoc
	ingressTime, egressTime, enqTime, priority                      *fieldLoc
}

// bind finds the fields of standard_metadata; those that decide where a
// packet goes must exist.
func (m *stdMeta) bind(l *layout) error {
	for _, b := range []struct {
		to     **fieldLoc
		name   string
		always bool // the switch reads it
	}{
		{&m.egressSpec, "standard_metadata.egress_spec", true},
		{&m.mcastGrp, "intrinsic_metadata.mcast_grp", true},
		{&m.ingressPort, "standard_metadata.ingress_port", false},
		{&m.egressPort, "standard_metadata.egress_port", false},
		{&m.instanceType, "standard_metadata.instance_type", false},
		{&m.packetLength, "standard_metadata.packet_length", false},
		{&m.egressRid, "intrinsic_metadata.egress_rid", false},
		{&m.parserError, "standard_metadata.parser_error", false},
		{&m.checksumError, "standard_metadata.checksum_error", false},
		{&m.ingressTime, "intrinsic_metadata.ingress_global_timestamp", false},
		{&m.egressTime, "intrinsic_metadata.egress_global_timestamp", false},
		{&m.enqTime, "queueing_metadata.enq_timestamp", false},
		{&m.priority, "intrinsic_metadata.priority", false},
	} {
		h, i, ok := l.target(b.name)
		if !ok {
			continue
		}
		f := h.fields[i]
		if f.wide() {
			return fmt.Errorf("%s is %d bits wide: want at most 64", b.name, f.bits)
		}
		*b.to = f
		if b.always {
			l.touch(h.typ, i)
		}
	}
	if m.egressSpec == nil {
		return fmt.Errorf("the program has no standard_metadata.egress_spec: is it v1model?")
	}
	return nil
}

// all returns the fields, nil for those that the program does not have.
func (m *stdMeta) all() []*fieldLoc {
	return []*fieldLoc{
		m.ingressPort, m.egressSpec, m.egressPort, m.instanceType, m.packetLength, m.mcastGrp, m.egressRid,
		m.parserError, m.checksumError, m.ingressTime, m.egressTime, m.enqTime, m.priority,
	}
}
