// Growing a packet on a target that limits growth.
//
// Stock bmv2 gives a packet a buffer of its received length plus 512 bytes and
// checks nothing but an assert: a header packet turned into a payload copy in
// one go corrupts the heap. Only a packet that leaves through a port and comes
// back in gets a new buffer. So a packet that must grow further first travels
// through a loop port *unchanged*, with pads in front; each pass may grow by
// 512 bytes, and the pads that come back count as room, because they are
// parsed off. Nothing is remembered between passes: the packet starts from
// scratch each time, as if it had just entered by its original port, and only
// the last pass touches the payload store or a served stamp.
//
//   received:  | Ethernet | IP ...                                   |
//   pass 1 out:| Ethernet, type LOOP | loop_t, pads=2 | 2 pads | IP ...|   +512
//   pass 2 out:| Ethernet, type LOOP | loop_t, pads=4 | 4 pads | IP ...|  +1016
//   pass 3:     may emit 1016 + 512 = 1528 bytes more than first received,
//               1522 being the most CoreCast asks for (60 -> 1582, IPv4 in IPv6).
#ifndef CORECAST_GROWTH_P4
#define CORECAST_GROWTH_P4

#include "../shared/headers.p4"

control Growth(inout headers_t hdr, inout meta_t meta) {
    bit<16> growth_limit = STOCK_GROWTH;
    port_t  loop_port = 0;

    @name(".set_target") @id(ID_ACTION_SET_TARGET)
    action set_target(@id(1) bit<16> growth, @id(2) port_t loop_to, @id(3) port_t list_at) {
        growth_limit = growth;
        loop_port = loop_to;
        meta.list_port = list_at;
    }

    // No key: the controller sets the default action to what the target can
    // do. Until it does, the stock limit holds and nothing may loop. `loop_to`
    // is the loop port, 0 for none; `list_at` the local port whose replicas account
    // for list entries that are not local.
    @name(".target") @id(ID_TABLE_TARGET)
    table target {
        actions = { set_target; }
        default_action = set_target(STOCK_GROWTH, 0, 0);
        size = 1;
    }

    bit<16> after = 0;     // bytes of the longest frame to be made
    bit<16> wanted = 0;    // bytes by which it outgrows what was first received
    bit<16> room = 0;
    bit<16> entry_bytes = 0;

    apply {
        target.apply();
        if (growth_limit != UNLIMITED_GROWTH) {
            // Sizes are those of the frame without loop header and pads.
            after = ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES + hdr.corecast.length;
            entry_bytes = ENTRY4_BYTES;
            if (meta.v6) {
                entry_bytes = ENTRY6_BYTES;
                after = after + (IPV6_BYTES - IPV4_BYTES);
            }
            if (meta.copy) {
                after = after + (CORECAST_BYTES + LISP_IPV4_BYTES);
                if (meta.encap_v6) {
                    after = after + (LISP_IPV6_BYTES - LISP_IPV4_BYTES);
                }
                if (meta.again == 0) {
                    // What is behind the first entry stays behind the copy until it is cut.
                    after = after + entry_bytes * (bit<16>)(hdr.corecast.count - 1);
                }
            }
            wanted = after |-| meta.frame_len;
            room = growth_limit;
            if (meta.pads == 2) {
                room = growth_limit |+| (LOOP_BYTES + 2 * PAD_BYTES);
            } else if (meta.pads == 4) {
                room = growth_limit |+| (LOOP_BYTES + 4 * PAD_BYTES);
            }
            if (wanted > room) {
                if (loop_port == 0 || meta.pads == 4) {
                    meta.drop = DROP_GROWTH;
                } else {
                    meta.grow = true;
                    meta.out_port = loop_port;
                }
            }
        }
    }
}

// Puts the loop header and the next number of pads in front.
control SendAround(inout headers_t hdr, in meta_t meta) {
    apply {
        hdr.loop.setValid();
        hdr.loop.ether_type = hdr.ethernet.ether_type;
        hdr.loop.port = (bit<16>)meta.in_port;
        hdr.loop.role = meta.role[3:0];
        hdr.loop.instance_id = meta.port_instance_id;
        hdr.ethernet.ether_type = ETHERTYPE_LOOP;
        hdr.loop.pads = 2;
        hdr.pad0.setValid();
        hdr.pad1.setValid();
        if (meta.pads == 2) {
            hdr.loop.pads = 4;
            hdr.pad2.setValid();
            hdr.pad3.setValid();
        }
    }
}

#endif
