# Runs in namespaces of its own: brings an example up, streams SECONDS of a test
# picture through it to a file and to a player, and takes it down again.
set -u
mkdir -p /run/netns
mount -t tmpfs none /run/netns
export DIR=$WORK/up
"$EXAMPLE/up.sh" "$INPUT" || exit 1

# watch NAME FLAGS...: a viewer in the background.
watch() {
	name=$1
	shift
	ip netns exec cc-viewer corecast watch http://10.0.0.10:8081/news "$@" --json >"$WORK/$name.json" 2>"$WORK/$name.log" &
	eval "$name=$!"
	for _ in $(seq 300); do
		grep -q '^joined' "$WORK/$name.log" && return
		sleep 0.1
	done
	cat "$WORK/$name.log"
	exit 1
}
watch file -o "$WORK/watched.ts"
watch player --listen 10.1.0.12:0 --eid 10.1.0.12 --player "ffmpeg -v error -i - -map 0:v -f framecrc -y $WORK/played.crc"

size() { stat -c %s "$WORK/$1" 2>/dev/null || echo 0; }
if [ -n "$OUTPUT" ]; then
	ip netns exec cc-source ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=320x180:rate=25 -t "$SECONDS_OF_IT" \
		-map 0:v -c:v mpeg2video -b:v 500k -f tee \
		"[f=mpegts:muxrate=800k]$WORK/sent.ts|[f=mpegts:muxrate=800k]$OUTPUT" || exit 1
	for _ in $(seq 50); do # until all of it is there
		[ "$(size sent.ts)" = "$(size watched.ts)" ] && break
		sleep 0.1
	done
else
	for _ in $(seq 300); do
		[ "$(size watched.ts)" -gt 100000 ] && break
		sleep 0.1
	done
fi
corecast why 10.1.0.11 --channel news >"$WORK/why.txt" # its status may be of drops: it has met real switches
kill -INT "$file" "$player"
wait "$file" "$player"
corecast status
"$EXAMPLE/down.sh"
left=$(ip -br link | grep -c '^cc-')$(ip netns list | grep -c .)
[ "$left" = 00 ] || { echo "down.sh has left $left interfaces and namespaces"; exit 1; }
