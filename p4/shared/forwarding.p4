// Forwarding: from a destination EID to the port and MAC it leaves by. Used
// alike for ordinary packets (their destination) and for header packets (their
// viewer).
#ifndef CORECAST_FORWARDING_P4
#define CORECAST_FORWARDING_P4

#include "headers.p4"

control Forwarding(in headers_t hdr, inout meta_t meta) {
    @name(".local") @id(ID_ACTION_LOCAL)
    action local() {
        meta.via = via_t.LOCAL;
        meta.next_hop = meta.lookup;
    }
    @name(".local_via") @id(ID_ACTION_LOCAL_VIA)
    action local_via(@id(1) ipv4_addr_t next_hop) {
        meta.via = via_t.LOCAL;
        meta.next_hop = next_hop;
    }
    @name(".to_rloc") @id(ID_ACTION_TO_RLOC)
    action to_rloc(@id(1) rloc_t rloc) {
        meta.via = via_t.RLOC;
        meta.rloc = rloc;
    }
    @name(".native") @id(ID_ACTION_NATIVE)
    action native(@id(1) ipv4_addr_t next_hop) {
        meta.via = via_t.NATIVE;
        meta.next_hop = next_hop;
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

    @name(".eids_counter") @id(ID_DIRECT_EIDS)
    direct_counter(CounterType.packets_and_bytes) eids_counter;

    // The map-cache, the site's own EIDs, native routes and our own addresses
    // in one longest-prefix match, because only together do they say what a
    // destination is. Filled from sites (local, discard for reserved EIDs),
    // mappings in use (to_rloc), port addresses (to_us) and routes (native).
    @name(".eids") @id(ID_TABLE_EIDS)
    table eids {
        key = {
            meta.instance_id : exact @name("instance_id") @id(1);
            meta.lookup : lpm @name("eid") @id(2);
        }
        actions = { local; local_via; to_rloc; native; to_us; discard; @defaultonly eid_miss; }
        const default_action = eid_miss();
        counters = eids_counter;
        size = MAX_EIDS;
    }

    @name(".encap") @id(ID_ACTION_ENCAP)
    action encap(@id(1) ipv4_addr_t source_rloc, @id(2) ipv4_addr_t rloc, @id(3) ipv4_addr_t next_hop) {
        meta.encap_src = source_rloc;
        meta.encap_dst = rloc;
        meta.next_hop = next_hop;
    }
    @name(".no_encap") @id(ID_ACTION_NO_ENCAP)
    action no_encap() {
        meta.drop = DROP_NO_ENCAP;
    }

    @name(".rlocs_counter") @id(ID_DIRECT_RLOCS)
    direct_counter(CounterType.packets_and_bytes) rlocs_counter;

    // RLOCs in use, by the small index that also addresses their served
    // stamps. Filled by the controller, which allots the indexes.
    @name(".rlocs") @id(ID_TABLE_RLOCS)
    table rlocs {
        key = { meta.rloc : exact @name("rloc") @id(1); }
        actions = { encap; @defaultonly no_encap; }
        const default_action = no_encap();
        counters = rlocs_counter;
        size = MAX_RLOCS;
    }

    @name(".deliver") @id(ID_ACTION_DELIVER)
    action deliver(@id(1) port_t port, @id(2) mac_t src_mac, @id(3) mac_t dst_mac) {
        meta.out_port = port;
        meta.out_src_mac = src_mac;
        meta.out_dst_mac = dst_mac;
    }
    @name(".no_neighbor") @id(ID_ACTION_NO_NEIGHBOR)
    action no_neighbor() {
        meta.punt = PUNT_NEIGHBOR;
    }

    // Next hops and directly connected hosts: port and MAC addresses. Filled
    // from `neighbors:` and, later, from ARP.
    @name(".neighbors") @id(ID_TABLE_NEIGHBORS)
    table neighbors {
        key = { meta.next_hop : exact @name("address") @id(1); }
        actions = { deliver; @defaultonly no_neighbor; }
        const default_action = no_neighbor();
        size = MAX_NEIGHBORS;
    }

    @name(".allow_streams") @id(ID_ACTION_ALLOW_STREAMS)
    action allow_streams() {
        meta.punt = PUNT_NEW_STREAM;
    }
    @name(".deny_streams") @id(ID_ACTION_DENY_STREAMS)
    action deny_streams() {
        meta.drop = DROP_STREAM_RLOC;
    }

    // RLOCs that may open a CoreCast stream towards us without being asked
    // for: the policy of the site (accept_streams). Never consulted for
    // anything but a CoreCast packet without a stream.
    @name(".stream_sources") @id(ID_TABLE_STREAM_SOURCES)
    table stream_sources {
        key = { hdr.ipv4.src : lpm @name("source_rloc") @id(1); }
        actions = { allow_streams; @defaultonly deny_streams; }
        const default_action = deny_streams();
        size = MAX_STREAM_SOURCES;
    }

    apply {
        meta.lookup = meta.dst;
        if (meta.kind != kind_t.ORDINARY) {
            meta.lookup = hdr.entry.eid;
        }
        eids.apply();
        if (meta.drop == DROP_NONE) {
            if (meta.kind == kind_t.STREAM_HEADER && meta.via != via_t.LOCAL) {
                meta.drop = DROP_ENTRY_NOT_LOCAL;
            } else if (meta.stream_miss && meta.via != via_t.LOCAL) {
                stream_sources.apply();
            } else if (meta.via == via_t.US && meta.kind == kind_t.ORDINARY) {
                meta.punt = PUNT_TO_US;
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
            } else {
                if (meta.via == via_t.RLOC) {
                    rlocs.apply();
                }
                if (meta.drop == DROP_NONE) {
                    neighbors.apply();
                }
            }
        }
    }
}

#endif
