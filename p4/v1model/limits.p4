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

// When a miss for a destination was last reported: time in microseconds (48) ++
// what tells destinations that share a cell apart (16).
@name(".misses")
register<bit<64>>(MISS_CELLS) misses;

// Finds whether a miss was reported within MISS_HOLD: by destinations of /24 and
// /48, since the prefix that is missing is not known yet.
control FindMiss(inout meta_t meta, in bit<48> now, out bit<32> fingerprint) {
    bit<64> last = 0;
    bit<24> near4 = 0;
    bit<48> near6 = 0;

    apply {
        fingerprint = 0;
        if (meta.v6) {
            near6 = meta.lookup6[127:80];
        } else {
            near4 = meta.lookup4[31:8];
        }
        hash(fingerprint, HashAlgorithm.crc32, 32w0, { meta.instance_id, near4, near6 }, 64w0x100000000);
        misses.read(last, (bit<32>)fingerprint[15:0]);
        if (last != 0 && last[15:0] == fingerprint[31:16] && now - last[63:16] < MISS_HOLD) {
            meta.punt = PUNT_NONE;
            meta.drop = DROP_MISS_REPEATED;
        }
    }
}

control LimitPunt(inout meta_t meta, in bit<48> now) {
    bit<2>  color = 0;
    bit<32> fingerprint = 0;
    FindMiss() find_miss;

    apply {
        if (meta.punt == PUNT_MAP_CACHE_MISS) {
            find_miss.apply(meta, now, fingerprint);
        }
        if (meta.punt != PUNT_NONE) {
            punt_meter.execute_meter((bit<32>)meta.punt, color);
            if (color == METER_RED) {
                meta.punt = PUNT_NONE;
                meta.drop = DROP_PUNT_RATE;
            } else if (meta.punt == PUNT_MAP_CACHE_MISS) {
                misses.write((bit<32>)fingerprint[15:0], now ++ fingerprint[31:16]);
            }
        }
    }
}

#endif
