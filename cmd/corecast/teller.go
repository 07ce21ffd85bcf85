package main

import (
	"fmt"
	"io"
	"time"
)

// newTeller returns a function that prints lines, and one that ends it. Who
// tells is never held up: lines that nobody takes are left out.
func newTeller(w io.Writer) (tell func(string), stop func()) {
	lines, quit, done := make(chan string, 256), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case line := <-lines:
				fmt.Fprintln(w, line)
				continue
			default:
			}
			select {
			case line := <-lines:
				fmt.Fprintln(w, line)
			case <-quit:
				return
			}
		}
	}()
	tell = func(line string) {
		select {
		case lines <- line:
		default:
		}
	}
	return tell, func() { close(quit); <-done }
}

// every calls do again and again until the function that it returns is called.
func every(period time.Duration, do func()) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				do()
			case <-quit:
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}
