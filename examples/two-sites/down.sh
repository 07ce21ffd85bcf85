#!/bin/sh
# Takes away what up.sh has made.
set -u
: "${PREFIX:=cc}" "${DIR:=/run/corecast-example}"
[ "$(id -u)" = 0 ] || { echo "down.sh: needs root: sudo $0" >&2; exit 1; }

# ours PID: that process is one of up.sh's; process ids are used again.
ours() {
	case $(cat "/proc/$1/cmdline" 2>/dev/null | tr '\0' ' ') in
	*corecast* | *ffmpeg* | *simple_switch*) return 0 ;;
	esac
	return 1
}

# gone PID: waits until it has ended, and its addresses are free.
gone() {
	tries=50
	while ours "$1"; do
		[ $((tries -= 1)) -gt 0 ] || kill -9 "$1"
		sleep 0.1
	done
}

if [ -e "$DIR/pids" ]; then
	while read -r pid name; do
		if ours "$pid"; then
			kill "$pid"
		else
			echo "$name had ended; its log said: $(tail -n 1 "$DIR/$name.log")" >&2
		fi
	done <"$DIR/pids"
	while read -r pid name; do
		gone "$pid"
	done <"$DIR/pids"
fi
for ns in source viewer; do
	ip netns del "$PREFIX-$ns" 2>/dev/null
done
for link in $(ip -br link | sed -n "s/^\($PREFIX-[^@ ]*\).*/\1/p"); do
	ip link del "$link" 2>/dev/null
done
rm -rf "$DIR"
