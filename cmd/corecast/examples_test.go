package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/corecast/corecast/source/ts"
)

// example is one of the quick starts, as a test uses it.
type example struct {
	dir    string // under examples
	input  string // of the source
	output string // of the encoder that feeds it; empty for none
	// What may be missing at the end: SRT drops what is still in its delay when
	// the encoder hangs up.
	bytes, frames int
}

// streamSeconds is how long a test streams: CORECAST_STREAM_SECONDS, or 3.
func streamSeconds(t *testing.T) int {
	text := os.Getenv("CORECAST_STREAM_SECONDS")
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CORECAST_STREAM_SECONDS=%s: want seconds", text)
	}
	return n
}

// run runs testdata/stream.sh with the example, and returns where it left its
// files.
func (e example) run(t *testing.T, seconds int) (work string) {
	t.Helper()
	root, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/stream.sh")
	if err != nil {
		t.Fatal(err)
	}
	work = t.TempDir()
	// All that is started ends with the namespace, however the test ends.
	cmd := exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", script)
	cmd.Env = append(os.Environ(), "EXAMPLE="+filepath.Join(root, e.dir), "WORK="+work, "INPUT="+e.input, "OUTPUT="+e.output,
		"SECONDS_OF_IT="+strconv.Itoa(seconds))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return work
}

func skipExamples(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	if !hasNetns() {
		t.Skip("the examples are not run: needs root, and unshare and ip on PATH")
	}
}

// ffmpeg streams through the network of examples/two-sites, over UDP and over
// SRT. What a viewer writes to a file is what the encoder sent, byte by byte;
// another one's player decodes every frame of it without an error.
func TestTwoSites(t *testing.T) {
	skipExamples(t)
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("no ffmpeg on PATH: the example is not run with a real encoder (apt-get install ffmpeg)")
	}
	t.Parallel()
	for name, e := range map[string]example{
		"UDP": {"two-sites", "udp://127.0.0.1:5000", "udp://127.0.0.1:5000?pkt_size=1316&bitrate=900000&burst_bits=10528", 0, 0},
		"SRT": {"two-sites", "srt://127.0.0.1:9000?mode=listener", "srt://127.0.0.1:9000?mode=caller&pkt_size=1316", 200_000, 25},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seconds := streamSeconds(t)
			// Interfaces of a busy machine may drop a packet: then it is done again.
			for attempt := 1; ; attempt++ {
				work := e.run(t, seconds)
				err := e.check(work, 25*seconds)
				if err == "" {
					return
				}
				if attempt == 3 {
					t.Fatal(err)
				}
				t.Logf("attempt %d: %s", attempt, err)
			}
		})
	}
}

// check says what is wrong with what came; nothing if it is empty.
func (e example) check(work string, frames int) string {
	read := func(name string) []byte {
		b, _ := os.ReadFile(filepath.Join(work, name)) // what is not there is empty
		return b
	}
	sent, watched := read("sent.ts"), read("watched.ts")
	missing := len(sent) - len(watched)
	if len(watched) == 0 || missing < 0 || missing > e.bytes || !bytes.Equal(sent[:len(watched)], watched) {
		return "what was sent (" + strconv.Itoa(len(sent)) + " bytes) and what came (" + strconv.Itoa(len(watched)) + ") differ\n" +
			string(read("file.json")) + string(read("up/source.log"))
	}
	var report watchReport
	if err := json.Unmarshal(read("file.json"), &report); err != nil || report.Lost != 0 || report.Strangers != 0 {
		return "the viewer reports " + string(read("file.json"))
	}
	if said := read("why.txt"); !bytes.Contains(said, []byte("ok    entries   by what the switches hold it gets")) {
		return "corecast why says of a viewer that is served\n" + string(said)
	}
	if said := read("player.log"); bytes.Contains(said, []byte("error")) {
		return "the player says " + string(said)
	}
	played := 0
	for line := range strings.Lines(string(read("played.crc"))) {
		if strings.HasPrefix(line, "0,") {
			played++
		}
	}
	if played > frames || played < frames-e.frames {
		return "the player decoded " + strconv.Itoa(played) + " frames of " + strconv.Itoa(frames) + "\n" + string(read("player.log"))
	}
	return ""
}

// The built-in clip through examples/bmv2: a viewer receives a transport stream.
func TestBMv2Example(t *testing.T) {
	skipExamples(t)
	if _, err := exec.LookPath("simple_switch_grpc"); err != nil {
		t.Skip("examples/bmv2 is not run: no simple_switch_grpc on PATH")
	}
	t.Parallel()
	work := example{dir: "bmv2"}.run(t, 0)
	watched, err := os.ReadFile(filepath.Join(work, "watched.ts"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ts.Check(watched); err != nil || len(watched) < 100_000 {
		t.Errorf("%d bytes came: %v", len(watched), err)
	}
	said, err := os.ReadFile(filepath.Join(work, "why.txt"))
	if err != nil || !bytes.Contains(said, []byte("ok    entries   by what the switches hold it gets")) {
		t.Errorf("corecast why says of a viewer that is served\n%s%v", said, err)
	}
}

// systemd takes the units of examples/systemd as they are.
func TestSystemdUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("the units are not verified: no systemd-analyze on PATH")
	}
	units, err := filepath.Glob("../../examples/systemd/*.service")
	if err != nil || len(units) == 0 {
		t.Fatalf("no units: %v", err)
	}
	binary, err := exec.LookPath("corecast")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no"}
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		// Where it will be installed, it is not yet.
		installed := bytes.ReplaceAll(text, []byte("/usr/local/bin/corecast"), []byte(binary))
		if bytes.Equal(installed, text) {
			t.Errorf("%s does not run /usr/local/bin/corecast", unit)
		}
		name := filepath.Join(dir, filepath.Base(unit))
		if err := os.WriteFile(name, installed, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	if out, err := exec.Command(analyze, args...).CombinedOutput(); err != nil || bytes.Contains(out, []byte(dir)) {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}
