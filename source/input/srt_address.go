package input

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	srt "github.com/datarhei/gosrt"
)

// srtLatency is what SRT itself takes when nothing is said.
const srtLatency = 120 * time.Millisecond

// srtAddress is where an SRT input connects to or listens, and how.
type srtAddress struct {
	host       string // and port
	listen     bool
	passphrase string
	streamID   string
	config     srt.Config
}

// parseSRT reads srt://host:port?mode=caller|listener&passphrase=…&streamid=…
// &pbkeylen=16|24|32&latency=ms, as srt-live-transmit and VLC write it. Without
// a host, the mode is listener.
func parseSRT(name string) (a srtAddress, err error) {
	const want = "want srt://host:port?mode=caller or srt://:port?mode=listener, with passphrase, streamid, pbkeylen or latency (ms) if you like"
	u, err := url.Parse(name)
	if err != nil || u.Port() == "" || u.Port() == "0" || u.Path != "" && u.Path != "/" {
		return a, fmt.Errorf("%w: %q; %s", ErrName, withoutSecret(u, name), want)
	}
	bad := func(option, value, want string) error {
		return fmt.Errorf("%w: %s: %s=%s: want %s", ErrName, withoutSecret(u, name), option, value, want)
	}
	a = srtAddress{host: u.Host, listen: u.Hostname() == "", config: srt.DefaultConfig()}
	a.config.ReceiverLatency, a.config.PeerLatency = srtLatency, srtLatency
	for option, values := range u.Query() {
		value := values[0]
		switch option {
		case "mode":
			if value != "caller" && value != "listener" {
				return a, bad(option, value, "caller or listener")
			}
			a.listen = value == "listener"
		case "passphrase":
			if len(value) < 10 || len(value) > 79 {
				return a, bad(option, "…", fmt.Sprintf("10 to 79 characters; this has %d", len(value)))
			}
			a.passphrase = value
		case "streamid":
			if len(value) > srt.MAX_STREAMID_SIZE {
				return a, bad(option, value, fmt.Sprintf("at most %d characters", srt.MAX_STREAMID_SIZE))
			}
			a.streamID = value
		case "pbkeylen":
			if value != "16" && value != "24" && value != "32" {
				return a, bad(option, value, "16, 24 or 32 bytes")
			}
			a.config.PBKeylen, _ = strconv.Atoi(value)
		case "latency":
			ms, err := strconv.Atoi(value)
			if err != nil || ms < 0 || ms > 60_000 {
				return a, bad(option, value, "milliseconds from 0 to 60000")
			}
			a.config.ReceiverLatency = time.Duration(ms) * time.Millisecond
			a.config.PeerLatency = a.config.ReceiverLatency
		case "pkt_size", "transtype":
		default:
			return a, bad(option, value, "mode, passphrase, streamid, pbkeylen or latency")
		}
	}
	if !a.listen && u.Hostname() == "" {
		return a, bad("mode", "caller", "a host to call, as srt://host:port")
	}
	a.config.Passphrase, a.config.StreamId = a.passphrase, a.streamID
	return a, nil
}

// withoutSecret is an SRT name as it may be shown.
func withoutSecret(u *url.URL, name string) string {
	if u == nil {
		return "srt://…"
	}
	q := u.Query()
	if !q.Has("passphrase") {
		return name
	}
	q.Del("passphrase")
	shown := *u
	shown.RawQuery = q.Encode()
	return shown.String()
}

// display names the input in messages.
func (a srtAddress) display() string {
	host, port, _ := net.SplitHostPort(a.host)
	s := "srt://" + net.JoinHostPort(host, port)
	if a.listen {
		s += " (listener)"
	}
	if a.streamID != "" {
		s += fmt.Sprintf(" stream %q", a.streamID)
	}
	return s
}
