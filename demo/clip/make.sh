#!/bin/sh
# Makes clip.ts, 6 s of ffmpeg's test picture and a tone, as MPEG-TS with a
# constant rate and a clock reference every 20 ms. Needs ffmpeg with libx264.
cd "$(dirname "$0")" && exec ffmpeg -hide_banner -loglevel error -y \
	-f lavfi -i testsrc2=size=480x270:rate=25 \
	-f lavfi -i sine=frequency=440:sample_rate=44100 -t 6 \
	-c:v libx264 -threads 1 -preset veryslow -pix_fmt yuv420p -g 25 -sc_threshold 0 -bf 0 \
	-b:v 320k -maxrate 320k -bufsize 160k \
	-c:a aac -b:a 48k -ac 1 \
	-flags +bitexact -fflags +bitexact \
	-f mpegts -muxrate 480k -pcr_period 20 clip.ts
