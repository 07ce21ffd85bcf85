// Package tshark has Wireshark's dissectors look at packets, as a second opinion
// of tests. Tests skip where there is no tshark.
package tshark

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Skip skips the test if tshark is not on PATH.
func Skip(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not on PATH: install package tshark")
	}
}

// Fields returns the values of the fields, by Wireshark's names, in each packet
// of a pcap file. A field that is in a packet more than once has its values
// separated by commas.
func Fields(t testing.TB, file string, fields ...string) [][]string {
	t.Helper()
	args := []string{"-T", "fields", "-E", "separator=|", "-E", "occurrence=a"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	var packets [][]string
	for line := range strings.Lines(run(t, file, args...)) {
		packets = append(packets, strings.Split(strings.TrimSuffix(line, "\n"), "|"))
	}
	return packets
}

// Filter returns a line about each packet of a pcap file that matches a display
// filter.
func Filter(t testing.TB, file, filter string) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(run(t, file, "-Y", filter)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// run runs tshark on a file, with names as numbers and checksums checked.
func run(t testing.TB, file string, args ...string) string {
	t.Helper()
	Skip(t)
	always := []string{"-n", "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"}
	cmd := exec.CommandContext(t.Context(), "tshark", slices.Concat(always, args)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v: %s", err, stderr.String())
	}
	return string(out)
}
