package auth

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/corecast/corecast/controller/config"
)

// tokenPrefix makes tokens recognisable, to people and to scanners for secrets.
const tokenPrefix = "cct_"

const (
	// maxTokens bounds the time to look through them all.
	maxTokens     = 1000
	maxTokensFile = 1 << 20
)

// token is a line of a tokens file: name, role, sha256:HEX of the token, and
// when it ends, if it does.
type token struct {
	name string
	role Role
	sum  [sha256.Size]byte
	ends time.Time // zero for never
}

var goodTokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$`)

// NewToken makes a token and the line of a tokens file that lets it in. A zero
// time is no end.
func NewToken(name string, role Role, ends time.Time) (secret, line string, err error) {
	if !goodTokenName.MatchString(name) {
		return "", "", fmt.Errorf("%q is not a usable name: use up to 63 letters, digits, '.', '_', '@' and '-'", name)
	}
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	secret = tokenPrefix + base64.RawURLEncoding.EncodeToString(raw)
	sum := sha256.Sum256([]byte(secret))
	line = fmt.Sprintf("%s %s sha256:%s", name, role, hex.EncodeToString(sum[:]))
	if !ends.IsZero() {
		line += " " + ends.UTC().Format(time.RFC3339)
	}
	return secret, line, nil
}

// AppendToken adds a line to a tokens file, which it makes if there is none.
func AppendToken(path, line string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	had, err := readTokens(f)
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(line, " ")
	for i := range had {
		if had[i].name == name {
			return fmt.Errorf("%s has a token of %s already: choose another name, or remove that line first", path, name)
		}
	}
	if !endsLine(f) {
		line = "\n" + line
	}
	if _, err := f.WriteString(line + "\n"); err != nil {
		return err
	}
	return f.Close()
}

// endsLine reports whether a file is empty or ends with the end of a line.
func endsLine(f *os.File) bool {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || end == 0 {
		return true
	}
	last := []byte{0}
	_, err = f.ReadAt(last, end-1)
	return err != nil || last[0] == '\n'
}

// loadTokens reads a tokens file.
func loadTokens(path string) ([]token, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readTokens(f)
}

func readTokens(f *os.File) ([]token, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	wrong := func(line int, what, fix string) error {
		return &config.Error{Problems: []config.Problem{{File: f.Name(), Line: line, What: what, Fix: fix}}}
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return nil, wrong(0, fmt.Sprintf("can be written by others than its owner (mode %04o)", mode), "chmod go-w "+f.Name())
	}
	if info.Size() > maxTokensFile {
		return nil, wrong(0, fmt.Sprintf("has %d bytes", info.Size()), fmt.Sprintf("the limit is %d", maxTokensFile))
	}
	var list []token
	names := map[string]int{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		t, err := parseToken(text)
		switch {
		case err != nil:
			return nil, wrong(n, err.Error(), "make lines with: corecast token new --name NAME --role ROLE")
		case names[t.name] > 0:
			return nil, wrong(n, fmt.Sprintf("%s has a token in line %d already", t.name, names[t.name]), "give each its own name")
		case len(list) == maxTokens:
			return nil, wrong(n, fmt.Sprintf("is token %d", maxTokens+1), fmt.Sprintf("the limit is %d", maxTokens))
		}
		names[t.name] = n
		list = append(list, t)
	}
	if err := lines.Err(); err != nil {
		return nil, wrong(0, err.Error(), "")
	}
	return list, nil
}

func parseToken(text string) (t token, err error) {
	fields := strings.Fields(text)
	if len(fields) < 3 || len(fields) > 4 {
		return t, fmt.Errorf("has %d fields: want a name, a role, sha256:HEX, and when it ends if it does", len(fields))
	}
	if t.name = fields[0]; !goodTokenName.MatchString(t.name) {
		return t, fmt.Errorf("%q is not a usable name", t.name)
	}
	if t.role, err = ParseRole(fields[1]); err != nil {
		return t, err
	}
	digits, ok := strings.CutPrefix(fields[2], "sha256:")
	sum, err := hex.DecodeString(digits)
	if !ok || err != nil || len(sum) != len(t.sum) {
		return t, fmt.Errorf("has no sha256: and 64 hexadecimal digits as its third field: tokens themselves do not belong here")
	}
	copy(t.sum[:], sum)
	if len(fields) == 4 {
		if t.ends, err = time.Parse(time.RFC3339, fields[3]); err != nil {
			return t, fmt.Errorf("%q is no time: want it as 2030-01-31T12:00:00Z", fields[3])
		}
	}
	return t, nil
}

// findToken returns the token with this secret, or nil. It takes as long
// whichever it is.
func findToken(list []token, secret string) *token {
	sum := sha256.Sum256([]byte(secret))
	found := -1
	for i := range list {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(list[i].sum[:], sum[:]), i, found)
	}
	if found < 0 {
		return nil
	}
	return &list[found]
}

// A token of NewToken, and a JWT, wherever they are in a text.
var (
	ourToken = regexp.MustCompile(tokenPrefix + `[A-Za-z0-9_-]{43}`)
	aJWT     = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)
)

// LooksSecret reports whether a text seems to have a token in it, which belongs in
// no URL and no log.
func LooksSecret(text string) bool { return ourToken.MatchString(text) || aJWT.MatchString(text) }
