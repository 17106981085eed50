package main

import (
	"io"
	"net"
	"sync"
	"time"
)

// proxy stands between the program and a server, and does what networks do: it refuses, goes silent, or is slow.
type proxy struct {
	to       string
	listener net.Listener

	mu      sync.Mutex
	refuse  bool          // connections end at once
	silent  chan struct{} // nothing comes through until it is closed; nil: all does
	latency time.Duration // of what goes to the server
	open    map[net.Conn]bool
}

func newProxy(to string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{to: to, listener: l, open: map[net.Conn]bool{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.carry(c)
		}
	}()
	return p, nil
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) carry(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	refuse := p.refuse
	p.mu.Unlock()
	if refuse {
		client.(*net.TCPConn).SetLinger(0) // a reset, as from a port where nobody listens
		return
	}
	server, err := net.DialTimeout("tcp", p.to, time.Second)
	if err != nil {
		client.(*net.TCPConn).SetLinger(0)
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.open[client], p.open[server] = true, true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.open, client)
		delete(p.open, server)
		p.mu.Unlock()
	}()
	var both sync.WaitGroup
	both.Go(func() { p.pump(server, client, true) })
	both.Go(func() { p.pump(client, server, false) })
	both.Wait()
}

func (p *proxy) pump(to, from net.Conn, slow bool) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			p.mu.Lock()
			silent, wait := p.silent, p.latency
			p.mu.Unlock()
			if silent != nil {
				<-silent
			}
			if slow && wait > 0 {
				time.Sleep(wait)
			}
			if _, err := to.Write(b[:n]); err != nil {
				break
			}
		}
		if err != nil {
			if err != io.EOF {
				break
			}
			to.(*net.TCPConn).CloseWrite()
			return
		}
	}
	to.Close()
	from.Close()
}

// cut breaks all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
}

// away refuses connections until back, and breaks those that there are.
func (p *proxy) away() {
	p.mu.Lock()
	p.refuse = true
	p.mu.Unlock()
	p.cut()
}

// blackhole lets nothing through until back.
func (p *proxy) blackhole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent == nil {
		p.silent = make(chan struct{})
	}
}

// slow delays what goes to the server until back.
func (p *proxy) slow(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = d
}

// back is as if nothing had been.
func (p *proxy) back() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse, p.latency = false, 0
	if p.silent != nil {
		close(p.silent)
		p.silent = nil
	}
}
