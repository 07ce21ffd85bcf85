package lisp_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"sync"
	"testing"

	"github.com/corecast/corecast/lisp"
	"pgregory.net/rapid"
)

// authenticated are the vectors whose HMAC openssl made with "password".
var authenticated = []string{"map-register-sha1", "map-register-sha256-128", "map-register-hkdf",
	"map-notify", "map-notify-hkdf", "map-notify-ack", "map-notify-ack-hkdf", "info-request"}

func TestVerify(t *testing.T) {
	right, wrong := lisp.NewKey([]byte("password")), lisp.NewKey([]byte("passwort"))
	for _, name := range authenticated {
		t.Run(name, func(t *testing.T) {
			packet := vector(t, name)
			before := bytes.Clone(packet)
			if err := right.Verify(packet); err != nil {
				t.Fatal(err)
			}
			if err := wrong.Verify(packet); err != lisp.ErrAuth {
				t.Errorf("wrong key: %v", err)
			}
			for i := range len(packet) * 8 {
				packet[i/8] ^= 0x80 >> (i % 8)
				if right.Verify(packet) == nil {
					t.Errorf("bit %d is not protected", i)
				}
				packet[i/8] ^= 0x80 >> (i % 8)
			}
			if !bytes.Equal(packet, before) {
				t.Error("Verify changed the message")
			}
		})
	}
}

func TestSign(t *testing.T) {
	key := lisp.NewKey([]byte("password"))
	meanings := vectorMeanings(t)
	for _, name := range authenticated {
		packet, err := meanings[name].Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		packet[20] ^= 0xff // what is there before does not matter
		if err := key.Sign(packet); err != nil || !bytes.Equal(packet, vector(t, name)) {
			t.Errorf("%s: %x, %v", name, packet, err)
		}
	}
}

// Without Data the field has its full length.
func TestSignFull(t *testing.T) {
	key := lisp.NewKey([]byte("password"))
	for algorithm, size := range map[lisp.Algorithm]int{1: 20, 2: 32, 3: 32} {
		m := lisp.MapRegister{Auth: lisp.Auth{Algorithm: algorithm}}
		packet, err := m.Append(nil)
		if err != nil || len(packet) != 16+size {
			t.Fatalf("%x, %v", packet, err)
		}
		if err := key.Sign(packet); err != nil {
			t.Fatal(err)
		}
		if err := key.Verify(packet); err != nil {
			t.Errorf("algorithm %d: %v", algorithm, err)
		}
	}
}

func TestVerifyRefused(t *testing.T) {
	key := lisp.NewKey([]byte("password"))
	for _, c := range []struct {
		name, packet string
		want         error
	}{
		{"nothing", "", lisp.ErrTruncated},
		{"no authentication header", "300000000000000000000000000100", lisp.ErrTruncated},
		{"Map-Request", "10000000000000000000000000010014", lisp.ErrType},
		{"no algorithm", "30000000000000000000000000000000", lisp.ErrAlgorithm},
		{"algorithm 4", "30000000000000000000000000040000", lisp.ErrAlgorithm},
		{"algorithm 3 is not defined for Info", "700000000000000000000000000300100000000000000000000000000000000000", lisp.ErrAlgorithm},
		{"no bytes", "30000000000000000000000000010000", lisp.ErrAuthLength},
		{"one byte", "3000000000000000000000000002000100", lisp.ErrAuthLength},
		{"12 bytes of SHA-256", "3000000000000000000000000002000c000000000000000000000000", lisp.ErrAuthLength},
		{"16 bytes of SHA-1", "3000000000000000000000000001001000000000000000000000000000000000", lisp.ErrAuthLength},
		{"cut", "3000000000000000000000000001001400", lisp.ErrTruncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			packet := unhex(t, c.packet)
			if err := key.Verify(packet); !errors.Is(err, c.want) {
				t.Errorf("Verify: %v, want %v", err, c.want)
			}
			if err := key.Sign(packet); !errors.Is(err, c.want) {
				t.Errorf("Sign: %v, want %v", err, c.want)
			}
		})
	}
}

// slowHMAC is RFC 9301 §5.6 word for word, with the standard library.
func slowHMAC(t interface{ Fatal(...any) }, secret, packet []byte) []byte {
	size := int(binary.BigEndian.Uint16(packet[14:]))
	zeroed := bytes.Clone(packet)
	clear(zeroed[16 : 16+size])
	var newHash func() hash.Hash = sha256.New
	switch lisp.Algorithm(packet[13]) {
	case lisp.AlgorithmSHA1:
		newHash = sha1.New
	case lisp.AlgorithmSHA256HKDF:
		salt := map[lisp.Type]string{lisp.TypeMapRegister: "Map-Register Authentication",
			lisp.TypeMapNotify: "Map-Notify Authentication", lisp.TypeMapNotifyAck: "Map-Notify-Ack Authentication"}
		var err error
		secret, err = hkdf.Key(sha256.New, append(bytes.Clone(packet[4:12]), secret...), []byte(salt[lisp.PeekType(packet)]), "", 32)
		if err != nil {
			t.Fatal(err)
		}
	}
	mac := hmac.New(newHash, secret)
	mac.Write(zeroed)
	return mac.Sum(nil)[:size]
}

// One key signs messages of all kinds in any order as the slow way does.
func TestSignProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "secret")
		key := lisp.NewKey(secret)
		for range rapid.IntRange(1, 5).Draw(t, "messages") {
			algorithm := lisp.Algorithm(rapid.IntRange(1, 3).Draw(t, "algorithm"))
			size := rapid.SampledFrom([]int{algorithm.Size(), algorithm.TruncatedSize()}).Draw(t, "size")
			packet := rapid.SliceOfN(rapid.Byte(), 16+size, 200).Draw(t, "packet")
			packet[0] = packet[0]&0xf | byte(rapid.IntRange(3, 5).Draw(t, "type"))<<4
			packet[13] = byte(algorithm)
			binary.BigEndian.PutUint16(packet[14:], uint16(size))
			if err := key.Sign(packet); err != nil {
				t.Fatal(err)
			}
			if want := slowHMAC(t, secret, packet); !bytes.Equal(packet[16:16+size], want) {
				t.Fatalf("%x, want %x", packet[16:16+size], want)
			}
			if err := key.Verify(packet); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestKeyConcurrently(t *testing.T) {
	key := lisp.NewKey([]byte("password"))
	var group sync.WaitGroup
	for _, name := range authenticated {
		packet := vector(t, name)
		group.Go(func() {
			for range 200 {
				if err := key.Verify(packet); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkVerify(b *testing.B) {
	key := lisp.NewKey([]byte("password"))
	for _, name := range []string{"map-register-sha1", "map-register-sha256-128", "map-register-hkdf"} {
		b.Run(name, func(b *testing.B) {
			packet := vector(b, name)
			b.ReportAllocs()
			for b.Loop() {
				if err := key.Verify(packet); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
