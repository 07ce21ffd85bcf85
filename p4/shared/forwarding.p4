// Forwarding: from a destination EID to the port and MAC it leaves by. Used
// alike for ordinary packets (their destination) and for header packets (their
// first viewer).
#ifndef CORECAST_FORWARDING_P4
#define CORECAST_FORWARDING_P4

#include "headers.p4"

control Forwarding(in headers_t hdr, inout meta_t meta) {
    @name(".local") @id(ID_ACTION_LOCAL)
    action local() {
        meta.via = via_t.LOCAL;
        meta.next_hop_v6 = meta.v6;
        meta.next_hop4 = meta.lookup4;
        meta.next_hop6 = meta.lookup6;
    }
    @name(".local_via4") @id(ID_ACTION_LOCAL_VIA4)
    action local_via4(@id(1) ipv4_addr_t next_hop) {
        meta.via = via_t.LOCAL;
        meta.next_hop4 = next_hop;
    }
    @name(".local_via6") @id(ID_ACTION_LOCAL_VIA6)
    action local_via6(@id(1) ipv6_addr_t next_hop) {
        meta.via = via_t.LOCAL;
        meta.next_hop_v6 = true;
        meta.next_hop6 = next_hop;
    }
    @name(".to_rloc") @id(ID_ACTION_TO_RLOC)
    action to_rloc(@id(1) rloc_t rloc) {
        meta.via = via_t.RLOC;
        meta.rloc = rloc;
    }
    @name(".to_rlocs") @id(ID_ACTION_TO_RLOCS)
    action to_rlocs(@id(1) bit<16> set) {
        meta.via = via_t.RLOC;
        meta.rloc_set = set;
    }
    @name(".native4") @id(ID_ACTION_NATIVE4)
    action native4(@id(1) ipv4_addr_t next_hop) {
        meta.via = via_t.NATIVE;
        meta.next_hop4 = next_hop;
    }
    @name(".native6") @id(ID_ACTION_NATIVE6)
    action native6(@id(1) ipv6_addr_t next_hop) {
        meta.via = via_t.NATIVE;
        meta.next_hop_v6 = true;
        meta.next_hop6 = next_hop;
    }
    @name(".to_us") @id(ID_ACTION_TO_US)
    action to_us() {
        meta.via = via_t.US;
    }
    @name(".discard") @id(ID_ACTION_DISCARD)
    action discard(@id(1) bit<8> reason) {
        meta.drop = reason;
    }
    @name(".eid_miss") @id(ID_ACTION_EID_MISS)
    action eid_miss() {
        meta.via = via_t.MISS;
    }

    @name(".eids4_counter") @id(ID_DIRECT_EIDS4)
    direct_counter(CounterType.packets_and_bytes) eids4_counter;
    @name(".eids6_counter") @id(ID_DIRECT_EIDS6)
    direct_counter(CounterType.packets_and_bytes) eids6_counter;

    // The map-cache, the site's own EIDs, native routes and our own addresses
    // in one longest-prefix match, because only together do they say what a
    // destination is. Filled from sites (local, discard for reserved EIDs),
    // mappings in use (to_rloc, to_rlocs for several RLOCs, discard for a
    // mapping that says drop), port addresses (to_us) and routes (native).
    @name(".eids4") @id(ID_TABLE_EIDS4)
    table eids4 {
        key = {
            meta.instance_id : exact @name("instance_id") @id(1);
            meta.lookup4 : lpm @name("eid") @id(2);
        }
        actions = { local; local_via4; to_rloc; to_rlocs; native4; to_us; discard; @defaultonly eid_miss; }
        const default_action = eid_miss();
        counters = eids4_counter;
        size = MAX_EIDS;
    }
    @name(".eids6") @id(ID_TABLE_EIDS6)
    table eids6 {
        key = {
            meta.instance_id : exact @name("instance_id") @id(1);
            meta.lookup6 : lpm @name("eid") @id(2);
        }
        actions = { local; local_via6; to_rloc; to_rlocs; native6; to_us; discard; @defaultonly eid_miss; }
        const default_action = eid_miss();
        counters = eids6_counter;
        size = MAX_EIDS;
    }

    apply {
        if (meta.v6) {
            if (meta.kind == kind_t.ORDINARY) {
                meta.lookup6 = meta.dst6;
            } else {
                meta.lookup6 = hdr.entries6[0].eid;
            }
            eids6.apply();
        } else {
            if (meta.kind == kind_t.ORDINARY) {
                meta.lookup4 = meta.dst4;
            } else {
                meta.lookup4 = hdr.entries4[0].eid;
            }
            eids4.apply();
        }
        if (meta.drop == DROP_NONE) {
            if (meta.kind == kind_t.STREAM_HEADER && meta.via != via_t.LOCAL) {
                meta.drop = DROP_ENTRY_NOT_LOCAL;
            } else if (meta.stream_miss && meta.via != via_t.LOCAL) {
                if (meta.peer_may_open) {
                    meta.punt = PUNT_NEW_STREAM;
                } else {
                    meta.drop = DROP_STREAM_RLOC;
                }
            } else if (meta.via == via_t.US && meta.kind == kind_t.ORDINARY) {
                meta.punt = PUNT_TO_US;
                if (!meta.decap && hdr.udp.isValid() && hdr.udp.dst_port == LISP_CONTROL_PORT) {
                    meta.punt = PUNT_LISP_CONTROL;
                }
            } else if (meta.decap && meta.via != via_t.LOCAL) {
                meta.drop = DROP_NOT_LOCAL;
            } else if (meta.via == via_t.MISS) {
                if (meta.role == ROLE_LOCAL) {
                    meta.punt = PUNT_MAP_CACHE_MISS;
                } else {
                    meta.drop = DROP_NO_ROUTE;
                }
            } else if (meta.kind == kind_t.CHANNEL_HEADER
                       && meta.via != via_t.LOCAL && meta.via != via_t.RLOC) {
                meta.drop = DROP_NO_ROUTE;          // a viewer without an EID
            }
        }
    }
}

// From an RLOC or next hop to a port.
control Adjacency(inout meta_t meta, in bit<8> bucket) {
    @name(".pick") @id(ID_ACTION_PICK)
    action pick(@id(1) rloc_t rloc) {
        meta.rloc = rloc;
    }
    @name(".encap4") @id(ID_ACTION_ENCAP4)
    action encap4(@id(1) ipv4_addr_t source_rloc, @id(2) ipv4_addr_t rloc, @id(3) ipv4_addr_t next_hop) {
        meta.encap_src4 = source_rloc;
        meta.encap_dst4 = rloc;
        meta.next_hop_v6 = false;
        meta.next_hop4 = next_hop;
    }
    @name(".encap6") @id(ID_ACTION_ENCAP6)
    action encap6(@id(1) ipv6_addr_t source_rloc, @id(2) ipv6_addr_t rloc, @id(3) ipv6_addr_t next_hop) {
        meta.encap_v6 = true;
        meta.encap_src6 = source_rloc;
        meta.encap_dst6 = rloc;
        meta.next_hop_v6 = true;
        meta.next_hop6 = next_hop;
    }
    @name(".no_encap") @id(ID_ACTION_NO_ENCAP)
    action no_encap() {
        meta.drop = DROP_NO_ENCAP;
    }

    // Buckets of mappings with several RLOCs: a set's RLOCs of the best
    // priority, each in as many of the RLOC_BUCKETS buckets as its weight says.
    @name(".rloc_sets") @id(ID_TABLE_RLOC_SETS)
    table rloc_sets {
        key = {
            meta.rloc_set : exact @name("set") @id(1);
            bucket : exact @name("bucket") @id(2);
        }
        actions = { pick; @defaultonly no_encap; }
        const default_action = no_encap();
        size = MAX_RLOC_SETS;
    }

    @name(".rlocs_counter") @id(ID_DIRECT_RLOCS)
    direct_counter(CounterType.packets_and_bytes) rlocs_counter;

    // RLOCs in use, by the small index that also addresses their served
    // stamps. Filled by the controller, which allots the indexes.
    @name(".rlocs") @id(ID_TABLE_RLOCS)
    table rlocs {
        key = { meta.rloc : exact @name("rloc") @id(1); }
        actions = { encap4; encap6; @defaultonly no_encap; }
        const default_action = no_encap();
        counters = rlocs_counter;
        size = MAX_RLOCS;
    }

    @name(".deliver") @id(ID_ACTION_DELIVER)
    action deliver(@id(1) port_t port, @id(2) mac_t src_mac, @id(3) mac_t dst_mac, @id(4) bit<16> mtu) {
        meta.out_port = port;
        meta.out_src_mac = src_mac;
        meta.out_dst_mac = dst_mac;
        meta.mtu = mtu;
    }
    @name(".no_neighbor") @id(ID_ACTION_NO_NEIGHBOR)
    action no_neighbor() {
        meta.punt = PUNT_NEIGHBOR;
    }

    // Next hops and directly connected hosts: port, MAC addresses and the IP
    // MTU of the port (0 = not limited). Filled from `neighbors:` and from
    // ARP and ND.
    @name(".neighbors4") @id(ID_TABLE_NEIGHBORS4)
    table neighbors4 {
        key = { meta.next_hop4 : exact @name("address") @id(1); }
        actions = { deliver; @defaultonly no_neighbor; }
        const default_action = no_neighbor();
        size = MAX_NEIGHBORS;
    }
    @name(".neighbors6") @id(ID_TABLE_NEIGHBORS6)
    table neighbors6 {
        key = { meta.next_hop6 : exact @name("address") @id(1); }
        actions = { deliver; @defaultonly no_neighbor; }
        const default_action = no_neighbor();
        size = MAX_NEIGHBORS;
    }

    apply {
        if (meta.via == via_t.RLOC) {
            if (meta.rloc_set != 0) {
                rloc_sets.apply();
            }
            if (meta.drop == DROP_NONE) {
                rlocs.apply();
            }
        }
        if (meta.drop == DROP_NONE) {
            if (meta.next_hop_v6) {
                neighbors6.apply();
            } else {
                neighbors4.apply();
            }
        }
    }
}

#endif
