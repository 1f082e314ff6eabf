// Command forward carries TCP connections over streams of two hosts of go-libp2p, TLS and yamux, for the bench:
//
//	forward far <host> <port> <file for the address> <port of a service>…
//	forward near <file with the address> <port to bind>…
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"agent-mesh.test/interop/host"
	core "github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
)

const patience = 30 * time.Second

// What yamux puts into one frame.
const bufferBytes = 64 * 1024

func protocolOf(service int) protocol.ID {
	return protocol.ID(fmt.Sprintf("/bench/%d/1.0.0", service))
}

// Without the shortcuts of a socket, which copy by less.
type plain struct{ io.Writer }

func pump(to io.Writer, from io.Reader, finish func() error, reset func() error) {
	_, err := io.CopyBuffer(plain{to}, struct{ io.Reader }{from}, make([]byte, bufferBytes))
	if err == nil {
		err = finish()
	}
	if err != nil {
		reset()
	}
}

func join(socket *net.TCPConn, stream network.Stream) {
	reset := func() error {
		socket.SetLinger(0)
		socket.Close()
		return stream.Reset()
	}
	var both sync.WaitGroup
	both.Go(func() { pump(stream, socket, stream.CloseWrite, reset) })
	both.Go(func() { pump(socket, stream, socket.CloseWrite, reset) })
	both.Wait()
	socket.Close()
	stream.Close()
}

func far(listen, file string, services []string) error {
	node, err := newHost(listen)
	if err != nil {
		return err
	}
	for at, port := range services {
		node.SetStreamHandler(protocolOf(at), func(stream network.Stream) {
			socket, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
			if err != nil {
				stream.Reset()
				return
			}
			join(socket.(*net.TCPConn), stream)
		})
	}
	// whole or not at all: the other side waits for it
	address := fmt.Sprintf("%s/p2p/%s", listen, node.ID())
	if err := os.WriteFile(file+".new", []byte(address), 0o600); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	select {}
}

func serve(node core.Host, id peer.ID, service int, listener *net.TCPListener) error {
	for {
		socket, err := listener.AcceptTCP()
		if err != nil {
			return err
		}
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			stream, err := node.NewStream(ctx, id, protocolOf(service))
			if err != nil {
				socket.Close()
				return
			}
			join(socket, stream)
		}()
	}
}

func near(file string, ports []string) error {
	address, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	who, err := peer.AddrInfoFromString(string(address))
	if err != nil {
		return err
	}
	node, err := newHost("")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := node.Connect(ctx, *who); err != nil {
		return err
	}
	ended := make(chan error)
	for at, port := range ports {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			return err
		}
		go func() { ended <- serve(node, who.ID, at, listener.(*net.TCPListener)) }()
	}
	return <-ended
}

func newHost(listen string) (core.Host, error) {
	return host.New(host.Options{Listen: listen, Security: "tls", Key: "ed25519", Early: []string{yamux.ID}})
}

func run(arguments []string) error {
	switch {
	case len(arguments) > 4 && arguments[0] == "far":
		return far(fmt.Sprintf("/ip4/%s/tcp/%s", arguments[1], arguments[2]), arguments[3], arguments[4:])
	case len(arguments) > 2 && arguments[0] == "near":
		return near(arguments[1], arguments[2:])
	default:
		return fmt.Errorf("forward far <host> <port> <file> <port>… or forward near <file> <port>…")
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
