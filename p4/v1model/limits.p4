// Limits: what may reach the controller, and how fast a channel, a stream or a
// port may make the switch work.
#ifndef CORECAST_LIMITS_P4
#define CORECAST_LIMITS_P4

#include "../shared/headers.p4"
#include "payload_store.p4"

#define METER_RED 2

// Bytes of a channel or stream, by slot. Not configured = not limited.
@name(".slot_meter") @id(ID_METER_SLOT_METER)
meter(MAX_SLOTS, MeterType.bytes) slot_meter;
// Packets to reserved EIDs, by the port they enter by.
@name(".port_meter") @id(ID_METER_PORT_METER)
meter(MAX_PORTS, MeterType.packets) port_meter;
// Packets to the controller, by PUNT_*.
@name(".punt_meter") @id(ID_METER_PUNT_METER)
meter(REASON_CELLS, MeterType.packets) punt_meter;

// Holds channels, streams and the ports of sources to their rates.
control LimitSlot(inout meta_t meta) {
    bit<2> color = 0;

    apply {
        if (!meta.decap) {
            port_meter.execute_meter((bit<32>)meta.in_port, color);
            if (color == METER_RED) {
                meta.drop = DROP_PORT_RATE;
            }
        }
        if (meta.drop == DROP_NONE) {
            slot_meter.execute_meter((bit<32>)meta.slot, color);
            if (color == METER_RED) {
                meta.drop = DROP_SLOT_RATE;
            }
        }
        if (meta.drop != DROP_NONE) {
            COUNT_EVENT(EVENT_REFUSED);
        }
    }
}

// Misses of a destination that were reported lately: since when, in microseconds
// (41), how many (7), and what tells destinations that share a cell apart (16).
// The time wraps after 25 days, when a cell may once seem to be of now.
@name(".misses")
register<bit<64>>(MISS_CELLS) misses;

#define MISS_SINCE(cell) cell[63:23]
#define MISS_COUNT(cell) cell[22:16]
#define MISS_TAG(cell)   cell[15:0]

// Finds whether enough misses were reported already: by destinations of /24 and
// /48, since the prefix that is missing is not known yet. The first MISS_BURST
// packets wait at the controller for the mapping. If that many come and there is
// none, one a second asks again, so that one destination does not take the whole
// rate of the reason. CoreCast headers do not wait, and one of them is enough.
control FindMiss(inout meta_t meta, in bit<48> now, out bit<32> cell, out bit<64> next) {
    bit<64> last = 0;
    bit<41> since = 0;
    bit<41> age = 0;
    bit<7>  count = 0;
    bit<7>  most = MISS_BURST;
    bit<24> near4 = 0;
    bit<48> near6 = 0;

    apply {
        cell = 0;
        next = 0;
        if (meta.v6) {
            near6 = meta.lookup6[127:80];
        } else {
            near4 = meta.lookup4[31:8];
        }
        hash(cell, HashAlgorithm.crc32, 32w0, { meta.instance_id, near4, near6 }, 64w0x100000000);
        misses.read(last, (bit<32>)cell[15:0]);
        age = now[40:0] - MISS_SINCE(last);
        since = now[40:0];
        if (last != 0 && MISS_TAG(last) == cell[31:16] && age < MISS_FORGET) {
            if (age < MISS_HOLD) {
                since = MISS_SINCE(last);
                count = MISS_COUNT(last);
            } else if (MISS_COUNT(last) >= MISS_BURST) {
                count = MISS_BURST - 1;
            }
        }
        if (meta.kind == kind_t.CHANNEL_HEADER) {
            most = 1;
        }
        if (count >= most) {
            meta.punt = PUNT_NONE;
            meta.drop = DROP_MISS_REPEATED;
        }
        next = since ++ (count + 1) ++ cell[31:16];
    }
}

control LimitPunt(inout meta_t meta, in bit<48> now) {
    bit<2>  color = 0;
    bit<32> cell = 0;
    bit<64> next = 0;
    FindMiss() find_miss;

    apply {
        if (meta.punt == PUNT_MAP_CACHE_MISS) {
            find_miss.apply(meta, now, cell, next);
        }
        if (meta.punt != PUNT_NONE) {
            punt_meter.execute_meter((bit<32>)meta.punt, color);
            if (color == METER_RED) {
                meta.punt = PUNT_NONE;
                meta.drop = DROP_PUNT_RATE;
            } else if (meta.punt == PUNT_MAP_CACHE_MISS) {
                misses.write((bit<32>)cell[15:0], next);
            }
        }
    }
}

#endif
