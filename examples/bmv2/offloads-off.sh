#!/bin/sh
# offloads-off.sh A B [NAMESPACE]: the offloads of a veth pair, the second one in a
# namespace, go off. Stock bmv2 takes a burst for one long packet otherwise, and
# sends checksums on that nobody has computed.
set -eu
off() {
	ip link set "$1" gso_max_segs 1
	if command -v ethtool >/dev/null; then
		ethtool -K "$1" rx off tx off sg off tso off gso off gro off >/dev/null
		return
	fi
	command -v python3 >/dev/null || { echo "offloads-off.sh: needs ethtool: apt-get install ethtool" >&2; exit 1; }
	python3 - "$1" <<'EOF'
import array, fcntl, socket, struct, sys
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for command in (0x15, 0x17, 0x19, 0x1f, 0x24, 0x2c):  # ETHTOOL_S{RXCSUM,TXCSUM,SG,TSO,GSO,GRO}
    value = array.array("B", struct.pack("II", command, 0))
    request = struct.pack("16sP", sys.argv[1].encode(), value.buffer_info()[0])
    fcntl.ioctl(control, 0x8946, request)  # SIOCETHTOOL
EOF
}
if [ "${1:-}" = here ]; then
	off "$2"
	exit
fi
off "$1"
if [ -n "${3:-}" ]; then
	exec ip netns exec "$3" "$0" here "$2"
fi
off "$2"
