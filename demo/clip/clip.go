// Package clip is the media that the demo sends when it is given none: six
// seconds of ffmpeg's test picture and a tone, H.264 and AAC in MPEG-TS, made
// by make.sh. It has a constant rate (480 kbit/s) and a steady clock, and
// begins with a key frame, so that it can be played again and again.
package clip

import (
	_ "embed" // for clip.ts
	"io"
	"strings"
)

// Name is what the clip is called in messages.
const Name = "built-in clip"

//go:embed clip.ts
var media string

// Size is the length of the clip in bytes.
func Size() int { return len(media) }

// Open returns a reader at the beginning of the clip.
func Open() io.ReadSeeker { return strings.NewReader(media) }
