// Serving: what a header packet with a known payload and a known way makes the
// switch send (paper, Algorithms 1 and 2).
#ifndef CORECAST_SERVE_P4
#define CORECAST_SERVE_P4

#include "../shared/headers.p4"
#include "payload_store.p4"
#include "growth.p4"

// Served stamps (the paper's servedRLOC), one for each (channel, RLOC):
// generation (24) ++ header packets sent since the last copy (8).
@name(".served")
register<bit<32>>(SERVED_STAMPS) served;

#define STAMP ((bit<32>)meta.slot << 10 | (bit<32>)meta.rloc)

control Serve(inout headers_t hdr, inout meta_t meta, in bit<24> generation) {
    bit<32> stamp = 0;
    bool    first = false;

    Growth() growth;
    LoadPayload() load;

    apply {
        if (meta.via == via_t.LOCAL) {
            meta.expand = true;
        } else {
            served.read(stamp, STAMP);
            if (stamp[31:8] != generation) {
                meta.copy = true;
                first = true;
            } else if (meta.redundancy != 0 && stamp[7:0] >= meta.redundancy) {
                meta.copy = true;
            }
        }

        if (meta.expand || meta.copy) {
            growth.apply(hdr, meta);
        }

        if (meta.drop == DROP_NONE && !meta.grow) {
            COUNT_EVENT(EVENT_HEADER);
            if (meta.expand) {
                COUNT_EVENT(EVENT_EXPANDED);
            } else if (meta.copy) {
                served.write(STAMP, generation ++ 8w1);
                if (first) {
                    COUNT_EVENT(EVENT_COPY);
                } else {
                    COUNT_EVENT(EVENT_COPY_REDUNDANT);
                }
            } else if (meta.redundancy != 0) {
                served.write(STAMP, stamp + 1);
            }
            if (meta.expand || meta.copy) {
                load.apply(hdr, meta);
            }
        }
    }
}

#endif
