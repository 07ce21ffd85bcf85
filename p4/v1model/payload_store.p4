// The payload store (the paper's payloadBuffer) in registers: two payloads a
// slot, by sequence parity, last writer wins. A slot is a channel (at its ITR)
// or a stream (at an ETR).
//
// All of it runs in ingress, which bmv2 runs on one thread: an egress read
// could see the next payload already.
#ifndef CORECAST_PAYLOAD_STORE_P4
#define CORECAST_PAYLOAD_STORE_P4

#include "../shared/headers.p4"
#include "flow.p4"

// sequence ++ hash of the payload in a cell.
@name(".store_tags")
register<bit<64>>(STORE_CELLS) store_tags;
// Of the payload in a cell: generation (24) ++ its flow's number (13, at the ITR) ++
// ones' complement sum (16) ++ length (11); 0 = never written.
@name(".store_info")
register<bit<64>>(STORE_CELLS) store_info;
// Payload-sized packets made of the payload in a cell.
@name(".made")
register<bit<32>>(STORE_CELLS) made;
// Last generation used by a slot. It only ever counts on, 0 skipped, also when
// the slot is given to another channel: a stamp of an earlier owner is never
// current.
@name(".generations")
register<bit<24>>(MAX_SLOTS) generations;

@name(".store_c0")
register<bit<2048>>(STORE_CELLS) store_c0;
@name(".store_c1")
register<bit<2048>>(STORE_CELLS) store_c1;
@name(".store_c2")
register<bit<2048>>(STORE_CELLS) store_c2;
@name(".store_c3")
register<bit<2048>>(STORE_CELLS) store_c3;
@name(".store_c4")
register<bit<2048>>(STORE_CELLS) store_c4;
@name(".store_t128")
register<bit<1024>>(STORE_CELLS) store_t128;
@name(".store_t64")
register<bit<512>>(STORE_CELLS) store_t64;
@name(".store_t32")
register<bit<256>>(STORE_CELLS) store_t32;
@name(".store_t16")
register<bit<128>>(STORE_CELLS) store_t16;
@name(".store_t8")
register<bit<64>>(STORE_CELLS) store_t8;
@name(".store_t4")
register<bit<32>>(STORE_CELLS) store_t4;
@name(".store_t2")
register<bit<16>>(STORE_CELLS) store_t2;
@name(".store_t1")
register<bit<8>>(STORE_CELLS) store_t1;

// At slot * 16 + EVENT_*.
@name(".slot_events") @id(ID_COUNTER_SLOT_EVENTS)
counter(STATS_CELLS, CounterType.packets_and_bytes) slot_events;

// What is packed into store_info.
#define INFO_GENERATION(info) info[63:40]
#define INFO_FLOW(info)       info[39:27]
#define INFO_SUM(info)        info[26:11]
#define INFO_LENGTH(info)     ((bit<16>)info[10:0])

#define COUNT_EVENT(event) slot_events.count((bit<32>)meta.slot << 4 | event)
// Finds the cell that the payload of a CoreCast packet is in, or belongs in.
control FindCell(in headers_t hdr, inout meta_t meta) {
    apply {
        meta.cell = (bit<32>)meta.slot << 1 | (bit<32>)hdr.corecast.sequence[0:0];
    }
}

// The ones' complement sum (RFC 1071) of the payload in the packet, from which
// the UDP checksum of every packet made of it follows without touching the
// payload again. Chunks that are not there count as zero; all but the last byte
// begin at an even offset.
control SumPayload(in headers_t hdr, out bit<16> sum) {
    bit<2048> c0 = 0;
    bit<2048> c1 = 0;
    bit<2048> c2 = 0;
    bit<2048> c3 = 0;
    bit<2048> c4 = 0;
    bit<1024> t128 = 0;
    bit<512>  t64 = 0;
    bit<256>  t32 = 0;
    bit<128>  t16 = 0;
    bit<64>   t8 = 0;
    bit<32>   t4 = 0;
    bit<16>   t2 = 0;
    bit<8>    t1 = 0;

    apply {
        if (hdr.c0.isValid())   { c0 = hdr.c0.data; }
        if (hdr.c1.isValid())   { c1 = hdr.c1.data; }
        if (hdr.c2.isValid())   { c2 = hdr.c2.data; }
        if (hdr.c3.isValid())   { c3 = hdr.c3.data; }
        if (hdr.c4.isValid())   { c4 = hdr.c4.data; }
        if (hdr.t128.isValid()) { t128 = hdr.t128.data; }
        if (hdr.t64.isValid())  { t64 = hdr.t64.data; }
        if (hdr.t32.isValid())  { t32 = hdr.t32.data; }
        if (hdr.t16.isValid())  { t16 = hdr.t16.data; }
        if (hdr.t8.isValid())   { t8 = hdr.t8.data; }
        if (hdr.t4.isValid())   { t4 = hdr.t4.data; }
        if (hdr.t2.isValid())   { t2 = hdr.t2.data; }
        if (hdr.t1.isValid())   { t1 = hdr.t1.data; }
        hash(sum, HashAlgorithm.csum16, 16w0,
             { c0, c1, c2, c3, c4, t128, t64, t32, t16, t8, t4, t2, t1, 8w0 }, 32w65536);
        sum = ~sum;
    }
}

// Takes a valid payload packet into the store (paper, Algorithms 1 and 2).
control AcceptPayload(in headers_t hdr, inout meta_t meta) {
    bit<64> tag = 0;
    bit<64> info = 0;
    bit<13> flow = 0;
    bit<24> generation = 0;
    FindCell()   find_cell;
    SumPayload() sum_payload;
    FlowNumber() flow_number;

    @hidden action read_cell() {
        store_tags.read(tag, meta.cell);
        store_info.read(info, meta.cell);
        generations.read(generation, (bit<32>)meta.slot);
        meta.consumed = true;
    }
    @hidden action write_cell() {
        generations.write((bit<32>)meta.slot, generation);
        store_tags.write(meta.cell, hdr.corecast.sequence ++ hdr.corecast.hash);
        store_info.write(meta.cell, generation ++ flow ++ meta.payload_sum ++ hdr.corecast.length[10:0]);
        made.write(meta.cell, 0);
        COUNT_EVENT(EVENT_PAYLOAD);
    }

    apply {
        find_cell.apply(hdr, meta);
        read_cell();
        if (INFO_LENGTH(info) == hdr.corecast.length && tag == hdr.corecast.sequence ++ hdr.corecast.hash) {
            COUNT_EVENT(EVENT_PAYLOAD_REPEATED);
            meta.drop = DROP_PAYLOAD_REPEATED;
        } else {
            generation = generation + 1;
            if (generation == 0) {
                generation = 1;
            }
            sum_payload.apply(hdr, meta.payload_sum);
            if (!meta.decap) {
                flow_number.apply(hdr, flow);
            }
            write_cell();
            if (hdr.c0.isValid())   { store_c0.write(meta.cell, hdr.c0.data); }
            if (hdr.c1.isValid())   { store_c1.write(meta.cell, hdr.c1.data); }
            if (hdr.c2.isValid())   { store_c2.write(meta.cell, hdr.c2.data); }
            if (hdr.c3.isValid())   { store_c3.write(meta.cell, hdr.c3.data); }
            if (hdr.c4.isValid())   { store_c4.write(meta.cell, hdr.c4.data); }
            if (hdr.t128.isValid()) { store_t128.write(meta.cell, hdr.t128.data); }
            if (hdr.t64.isValid())  { store_t64.write(meta.cell, hdr.t64.data); }
            if (hdr.t32.isValid())  { store_t32.write(meta.cell, hdr.t32.data); }
            if (hdr.t16.isValid())  { store_t16.write(meta.cell, hdr.t16.data); }
            if (hdr.t8.isValid())   { store_t8.write(meta.cell, hdr.t8.data); }
            if (hdr.t4.isValid())   { store_t4.write(meta.cell, hdr.t4.data); }
            if (hdr.t2.isValid())   { store_t2.write(meta.cell, hdr.t2.data); }
            if (hdr.t1.isValid())   { store_t1.write(meta.cell, hdr.t1.data); }
        }
    }
}

// Finds the payload that a header packet names, and what is known of it; a
// header for anything else is dropped.
control FindPayload(in headers_t hdr, inout meta_t meta, out bit<64> info) {
    bit<64> tag = 0;
    FindCell() find_cell;

    @hidden action read_cell() {
        store_tags.read(tag, meta.cell);
        store_info.read(info, meta.cell);
    }

    apply {
        info = 0;
        find_cell.apply(hdr, meta);
        read_cell();
        if (hdr.corecast.length == 0 || INFO_LENGTH(info) != hdr.corecast.length
            || tag != hdr.corecast.sequence ++ hdr.corecast.hash) {
            meta.drop = DROP_UNKNOWN_PAYLOAD;
            COUNT_EVENT(EVENT_HEADER_UNKNOWN);
        }
    }
}

// Puts the payload that the header names behind it. Only in the last pass of a
// packet that loops: the store may have moved on in between.
control LoadPayload(inout headers_t hdr, in meta_t meta) {
    apply {
        if (hdr.corecast.length >= 256)       { hdr.c0.setValid();   store_c0.read(hdr.c0.data, meta.cell); }
        if (hdr.corecast.length >= 512)       { hdr.c1.setValid();   store_c1.read(hdr.c1.data, meta.cell); }
        if (hdr.corecast.length >= 768)       { hdr.c2.setValid();   store_c2.read(hdr.c2.data, meta.cell); }
        if (hdr.corecast.length >= 1024)      { hdr.c3.setValid();   store_c3.read(hdr.c3.data, meta.cell); }
        if (hdr.corecast.length >= 1280)      { hdr.c4.setValid();   store_c4.read(hdr.c4.data, meta.cell); }
        if (hdr.corecast.length[7:7] == 1)    { hdr.t128.setValid(); store_t128.read(hdr.t128.data, meta.cell); }
        if (hdr.corecast.length[6:6] == 1)    { hdr.t64.setValid();  store_t64.read(hdr.t64.data, meta.cell); }
        if (hdr.corecast.length[5:5] == 1)    { hdr.t32.setValid();  store_t32.read(hdr.t32.data, meta.cell); }
        if (hdr.corecast.length[4:4] == 1)    { hdr.t16.setValid();  store_t16.read(hdr.t16.data, meta.cell); }
        if (hdr.corecast.length[3:3] == 1)    { hdr.t8.setValid();   store_t8.read(hdr.t8.data, meta.cell); }
        if (hdr.corecast.length[2:2] == 1)    { hdr.t4.setValid();   store_t4.read(hdr.t4.data, meta.cell); }
        if (hdr.corecast.length[1:1] == 1)    { hdr.t2.setValid();   store_t2.read(hdr.t2.data, meta.cell); }
        if (hdr.corecast.length[0:0] == 1)    { hdr.t1.setValid();   store_t1.read(hdr.t1.data, meta.cell); }
    }
}

#endif
