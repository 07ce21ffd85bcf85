#!/bin/sh
# A studio and a site with viewers, with an ITR, an ETR and a controller between
# them, all on this machine: ../two-sites/README.md. The network is made of
# namespaces and interfaces that begin with $PREFIX; down.sh takes it away.
#
#   sudo ./up.sh            ffmpeg encodes a test picture (the built-in clip plays, without ffmpeg)
#   sudo ./up.sh INPUT      an encoder of your own: any --input of `corecast source`, as seen from 10.0.0.10
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
: "${SWITCH:=softswitch}" "${PREFIX:=cc}" "${DIR:=/run/corecast-example}" "${CONFIG:=$here/network.yaml}" "${RATE:=2500}"

die() {
	echo "up.sh: $*" >&2
	exit 1
}
[ "$(id -u)" = 0 ] || die "needs root, for the network namespaces: sudo $0"
command -v ip >/dev/null || die "ip is missing: apt-get install iproute2"
PATH=$PATH:${here%/*/*}/bin
bin=$(command -v corecast) || die "corecast is not on PATH: make build"
[ ${#PREFIX} -le 3 ] || die "PREFIX=$PREFIX: want 3 letters at most, since names of interfaces have 15"
[ ! -e "$DIR" ] || die "$DIR is there, so it is up already: $here/down.sh takes it away"
mkdir -p "$DIR"
trap 'status=$?; [ $status = 0 ] || { tail -n 5 "$DIR"/*.log || :; DIR=$DIR PREFIX=$PREFIX "$here/down.sh"; } >&2' EXIT
trap 'exit 130' INT # else some shells leave without the trap above
trap 'exit 143' TERM HUP

# start NAME COMMAND...: in the background, with a log; down.sh ends it.
start() {
	name=$1
	shift
	: >"$DIR/$name.log" # there at once, for those who look into it
	"$@" >"$DIR/$name.log" 2>&1 </dev/null &
	echo "$! $name" >>"$DIR/pids"
}

# alive NAME...: they have not ended.
alive() {
	for name; do
		kill -0 "$(sed -n "s/ $name\$//p" "$DIR/pids")" 2>/dev/null || die "$name has ended"
	done
}

# veth A B [NAMESPACE]: a pair of interfaces, the second one in a namespace.
veth() {
	ip link add "$1" mtu 9000 type veth peer name "$2" mtu 9000 ${3:+netns "$3"}
	[ "$SWITCH" = softswitch ] || "$here/../bmv2/offloads-off.sh" "$1" "$2" ${3:+"$3"}
	ip link set "$1" up
	ip ${3:+-n "$3"} link set "$2" up
}

# host NAME ADDRESS GATEWAY: a namespace with one interface, joined to a switch.
# What leaves it must fit the way between the sites, with LISP's headers in front.
host() {
	ip netns add "$PREFIX-$1"
	veth "$PREFIX-sw-$1" eth0 "$PREFIX-$1"
	ip -n "$PREFIX-$1" link set lo up
	ip -n "$PREFIX-$1" addr add "$2/24" dev eth0
	ip -n "$PREFIX-$1" route add default via "$3" mtu 1424
}

# switch NAME DEVICE-ID LOCAL-INTERFACE TRANSIT-INTERFACE
switch() {
	ports="-i 1@$3 -i 2@$4"
	case $SWITCH in
	softswitch) set -- "$@" corecast switch ;;
	bmv2) # what it sends itself over the loop, it may make longer
		veth "$PREFIX-$1-out" "$PREFIX-$1-in"
		ports="$ports -i 3@$PREFIX-$1-out -i 4@$PREFIX-$1-in"
		set -- "$@" simple_switch_grpc
		;;
	*) die "SWITCH=$SWITCH: want softswitch or bmv2" ;;
	esac
	name=$1 id=$2
	shift 4
	# shellcheck disable=SC2086 # the ports are many words
	start "$name" "$@" --no-p4 --device-id "$id" $ports -- --grpc-server-addr "127.0.0.1:$((9558 + id))" --cpu-port 510
}

ip link set lo up
host source 10.0.0.10 10.0.0.1
host viewer 10.1.0.11 10.1.0.1
ip -n "$PREFIX-viewer" addr add 10.1.0.12/24 dev eth0
veth "$PREFIX-transit-itr" "$PREFIX-transit-etr"
switch itr 1 "$PREFIX-sw-source" "$PREFIX-transit-itr"
switch etr 2 "$PREFIX-sw-viewer" "$PREFIX-transit-etr"
start controller corecast controller --config "$CONFIG"
waited=0
until [ "$(grep -c ': ready' "$DIR/controller.log")" -ge 2 ]; do
	alive itr etr controller
	waited=$((waited + 1))
	[ $waited -lt 300 ] || die "the switches are not ready after a minute"
	sleep 0.2
done

input=${1:-}
# The bitrate is constant, and ffmpeg sends evenly: a burst for each picture would
# be more than the payload stores of switches hold, which is two payloads.
if [ -z "$input" ] && command -v ffmpeg >/dev/null; then
	input=udp://127.0.0.1:5000
	start encoder ip netns exec "$PREFIX-source" ffmpeg -nostdin -loglevel warning -re \
		-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 \
		-c:v mpeg2video -b:v "$((RATE * 6 / 10))k" -g 12 -c:a mp2 -b:a 96k \
		-f mpegts -pat_period 0.2 -muxrate "${RATE}k" "$input?pkt_size=1316&bitrate=$((RATE * 1050))&burst_bits=10528"
elif [ -z "$input" ]; then
	corecast demo --duration 4s --record "$DIR/clip" >/dev/null
	input=$DIR/clip/viewer-1.ts loop=--loop
fi
start source ip netns exec "$PREFIX-source" corecast source --channel news --title "The News" --input "$input" ${loop:-} \
	--reserved-eid 10.0.255.1 --itr 10.0.0.1 --listen 10.0.0.10:8081 --proof 10.0.0.10:8082 ${BURST:+--burst "$BURST"}
until grep -q 'viewers join' "$DIR/source.log"; do
	alive source
	sleep 0.1
done
cat <<EOF
up: $input > source 10.0.0.10 > ITR > ETR > viewers in 10.1.0.0/24   (logs in $DIR)
watch it, and look at it, also in a browser at http://127.0.0.1:8080:
  sudo ip netns exec $PREFIX-viewer $bin watch http://10.0.0.10:8081/news --player "ffplay -"
  $bin status
take it away:
  sudo $here/down.sh
EOF
