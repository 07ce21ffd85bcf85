// Expansion of header lists in egress: each replica of a list packet becomes
// the unicast packet of one entry.
//
// The packet is replicated to every local port, as often as the list may be
// long; the replica with id i takes entry i - 1, and keeps it only if the
// viewer is behind its port.
#ifndef CORECAST_VIEWERS_P4
#define CORECAST_VIEWERS_P4

#include "headers.p4"

control PickViewer(in headers_t hdr, in meta_t meta, in bit<16> replica, in port_t port,
                   out ipv4_addr_t eid4, out ipv6_addr_t eid6, out bit<16> udp_port,
                   out mac_t src_mac, out mac_t dst_mac,
                   out bool ours, out bool not_local, out bool too_big) {
    port_t  viewer_port = 0;
    bit<16> mtu = 0;
    bit<16> unicast = 0;    // bytes of the viewer's packet

    @name(".viewer") @id(ID_ACTION_VIEWER)
    action viewer(@id(1) port_t out_port, @id(2) mac_t out_src_mac, @id(3) mac_t out_dst_mac,
                  @id(4) bit<16> out_mtu) {
        viewer_port = out_port;
        src_mac = out_src_mac;
        dst_mac = out_dst_mac;
        mtu = out_mtu;
    }
    @name(".not_local") @id(ID_ACTION_NOT_LOCAL)
    action viewer_not_local() {
        not_local = true;
    }

    // Local EIDs with the way to them, resolved: what eids and neighbors say
    // in two steps to ingress, the IP MTU of the port included (0 = not limited).
    // Filled from sites and neighbors where lists
    // are allowed.
    @name(".viewers4") @id(ID_TABLE_VIEWERS4)
    table viewers4 {
        key = {
            meta.instance_id : exact @name("instance_id") @id(1);
            eid4 : lpm @name("eid") @id(2);
        }
        actions = { viewer; @defaultonly viewer_not_local; }
        const default_action = viewer_not_local();
        size = MAX_VIEWERS;
    }
    @name(".viewers6") @id(ID_TABLE_VIEWERS6)
    table viewers6 {
        key = {
            meta.instance_id : exact @name("instance_id") @id(1);
            eid6 : lpm @name("eid") @id(2);
        }
        actions = { viewer; @defaultonly viewer_not_local; }
        const default_action = viewer_not_local();
        size = MAX_VIEWERS;
    }

    apply {
        eid4 = 0;
        eid6 = 0;
        udp_port = 0;
        src_mac = 0;
        dst_mac = 0;
        ours = false;
        not_local = false;
        too_big = false;
        if (replica != 0 && replica <= (bit<16>)hdr.corecast.count) {
            if (meta.v6) {
                eid6 = hdr.entries6[(bit<32>)replica - 1].eid;
                udp_port = hdr.entries6[(bit<32>)replica - 1].port;
                viewers6.apply();
            } else {
                eid4 = hdr.entries4[(bit<32>)replica - 1].eid;
                udp_port = hdr.entries4[(bit<32>)replica - 1].port;
                viewers4.apply();
            }
            ours = !not_local && viewer_port == port;
            unicast = IPV4_BYTES + UDP_BYTES + hdr.corecast.length;
            if (meta.v6) {
                unicast = unicast + (IPV6_BYTES - IPV4_BYTES);
            }
            too_big = mtu != 0 && unicast > mtu;
        }
    }
}

#endif
