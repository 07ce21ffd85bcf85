// Admission: which port a frame entered by, and whether it may.
#ifndef CORECAST_ADMISSION_P4
#define CORECAST_ADMISSION_P4

#include "headers.p4"

control Admission(inout headers_t hdr, inout meta_t meta) {
    @name(".port") @id(ID_ACTION_PORT)
    action port(@id(1) bit<8> role, @id(2) mac_t mac, @id(3) bit<24> instance_id) {
        meta.role = role;
        meta.port_mac = mac;
        meta.port_instance_id = instance_id;
    }
    @name(".unknown_port") @id(ID_ACTION_UNKNOWN_PORT)
    action unknown_port() {
        meta.drop = DROP_UNKNOWN_PORT;
    }

    // Every port in use: its role (ROLE_*), its MAC address and the
    // instance-id of the hosts behind it. Filled by the controller from
    // `switches: ports:`.
    @name(".ports") @id(ID_TABLE_PORTS)
    table ports {
        key = { meta.rx_port : exact @name("ingress_port") @id(1); }
        actions = { port; @defaultonly unknown_port; }
        const default_action = unknown_port();
        size = MAX_PORTS;
    }

    // The switch sent this frame to itself: it goes on as what it was when it
    // first came in.
    @hidden action resume() {
        meta.in_port = (port_t)hdr.loop.port;
        meta.role = (bit<8>)hdr.loop.role;
        meta.port_instance_id = hdr.loop.instance_id;
        meta.pads = (bit<8>)hdr.loop.pads;
        meta.frame_len = meta.frame_len - LOOP_BYTES - PAD_BYTES * (bit<16>)hdr.loop.pads;
        hdr.ethernet.ether_type = hdr.loop.ether_type;
        hdr.loop.setInvalid();
    }

    apply {
        ports.apply();
        meta.in_port = meta.rx_port;
        if (meta.drop == DROP_NONE) {
            if (meta.role == ROLE_LOOP) {
                if (hdr.loop.isValid() && (hdr.ipv4.isValid() || hdr.ipv6.isValid())) {
                    resume();
                } else {
                    meta.drop = DROP_LOOP_FRAME;
                }
            } else if (!hdr.ethernet.isValid()) {
                meta.drop = DROP_TRUNCATED;
            } else if (hdr.loop.isValid()) {
                meta.drop = DROP_LOOP_FRAME;
            } else if (hdr.ethernet.ether_type == ETHERTYPE_ARP) {
                meta.punt = PUNT_ARP;
            } else if (hdr.ethernet.dst[47:32] == 0x3333 && hdr.ipv6.isValid()
                       && hdr.ipv6.next_header == IPPROTO_ICMPV6) {
                meta.punt = PUNT_ND;
            } else if (hdr.ethernet.dst != meta.port_mac) {
                meta.drop = DROP_NOT_OUR_MAC;
            } else if (!hdr.ipv4.isValid() && !hdr.ipv6.isValid()) {
                if (meta.parse_failed) {
                    meta.drop = DROP_TRUNCATED;
                } else {
                    meta.drop = DROP_NOT_IP;
                }
            }
        }
        meta.instance_id = meta.port_instance_id;
    }
}

#endif
