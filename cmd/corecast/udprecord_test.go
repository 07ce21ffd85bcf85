package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// udpRecordMain is a player that joins nothing: `udprecord ADDRESS:PORT FILE` writes
// what comes to a port into a file, until nothing has come for 3 seconds.
func udpRecordMain() {
	if err := udpRecord(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func udpRecord(at, file string) error {
	addr, err := netip.ParseAddrPort(at)
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetReadBuffer(4 << 20)
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	buf := make([]byte, 2000)
	wait := 2 * time.Minute // for the first packet
	for {
		_ = conn.SetReadDeadline(time.Now().Add(wait))
		n, err := conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return out.Close()
		} else if err != nil {
			return err
		}
		if _, err := out.Write(buf[:n]); err != nil {
			return err
		}
		wait = 3 * time.Second
	}
}
