#!/bin/sh
# Takes away what up.sh has made.
set -u
: "${PREFIX:=cc}" "${DIR:=/run/corecast-example}"
[ "$(id -u)" = 0 ] || { echo "down.sh: needs root: sudo $0" >&2; exit 1; }
if [ -e "$DIR/pids" ]; then
	while read -r pid name; do
		# Only what it was: process ids are used again.
		case $(cat "/proc/$pid/cmdline" 2>/dev/null | tr '\0' ' ') in
		*corecast* | *ffmpeg* | *simple_switch*) kill "$pid" ;;
		*) echo "$name had ended; its log said: $(tail -n 1 "$DIR/$name.log")" >&2 ;;
		esac
	done <"$DIR/pids"
fi
for ns in source viewer; do
	ip netns del "$PREFIX-$ns" 2>/dev/null
done
for link in $(ip -br link | sed -n "s/^\($PREFIX-[^@ ]*\).*/\1/p"); do
	ip link del "$link" 2>/dev/null
done
rm -rf "$DIR"
