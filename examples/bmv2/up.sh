#!/bin/sh
# The network of ../two-sites on simple_switch_grpc: README.md.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
command -v simple_switch_grpc >/dev/null || {
	echo "up.sh: simple_switch_grpc is not on PATH: apt-get install p4lang-bmv2 (https://github.com/p4lang/behavioral-model)" >&2
	exit 1
}
# bmv2 is for trying things out: kbit/s that it carries beside other work.
: "${RATE:=1000}"
export RATE
SWITCH=bmv2 BURST=16 CONFIG=$here/network.yaml exec "$here/../two-sites/up.sh" "$@"
