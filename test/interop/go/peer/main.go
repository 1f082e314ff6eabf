// Command peer is a host of go-libp2p that a test drives: one JSON object a line in, one out for each. Its first line
// says who and where it is. It ends with its input.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"agent-mesh.test/interop/host"
	core "github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
)

// Whoever opens a stream of it gets back what it sends and, after its end, the SHA-256 of that.
const digestEcho = "/interop/digest-echo/1.0.0"

const patience = time.Minute

type command struct {
	Do        string `json:"do"`
	Address   string `json:"address"`
	Peer      string `json:"peer"`
	SizeBytes int    `json:"sizeBytes"`
}

type connection struct {
	Peer         string `json:"peer"`
	Security     string `json:"security"`
	Muxer        string `json:"muxer"`
	IsEarlyMuxer bool   `json:"isEarlyMuxer"`
}

type answer struct {
	PeerID      string       `json:"peerId,omitempty"`
	Address     string       `json:"address,omitempty"`
	Connections []connection `json:"connections,omitempty"`
	Error       string       `json:"error,omitempty"`
}

func echo(stream network.Stream) {
	digest := sha256.New()
	if _, err := io.Copy(io.MultiWriter(digest, stream), stream); err != nil {
		stream.Reset()
		return
	}
	if _, err := stream.Write(digest.Sum(nil)); err != nil {
		stream.Reset()
		return
	}
	stream.Close()
}

func call(ctx context.Context, node core.Host, id peer.ID, sizeBytes int) error {
	stream, err := node.NewStream(network.WithNoDial(ctx, "the connection is there"), id, digestEcho)
	if err != nil {
		return err
	}
	defer stream.Reset()
	sent := make([]byte, sizeBytes)
	if _, err := rand.Read(sent); err != nil {
		return err
	}
	written := make(chan error, 1)
	go func() {
		_, err := stream.Write(sent)
		written <- errors.Join(err, stream.CloseWrite())
	}()
	received, err := io.ReadAll(stream)
	if err := errors.Join(err, <-written); err != nil {
		return err
	}
	digest := sha256.Sum256(sent)
	if !bytes.Equal(received, append(sent, digest[:]...)) {
		return fmt.Errorf("%d bytes came back for %d, or others than were sent", len(received), sizeBytes)
	}
	return nil
}

func do(node core.Host, asked command) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch asked.Do {
	case "dial":
		who, err := peer.AddrInfoFromString(asked.Address)
		if err != nil {
			return err
		}
		return node.Connect(ctx, *who)
	case "call":
		id, err := peer.Decode(asked.Peer)
		if err != nil {
			return err
		}
		return call(ctx, node, id, asked.SizeBytes)
	case "connections":
		return nil
	default:
		return fmt.Errorf("there is no command %q", asked.Do)
	}
}

func connectionsOf(node core.Host) []connection {
	list := []connection{}
	for _, one := range node.Network().Conns() {
		state := one.ConnState()
		list = append(list, connection{
			Peer:         one.RemotePeer().String(),
			Security:     string(state.Security),
			Muxer:        string(state.StreamMultiplexer),
			IsEarlyMuxer: state.UsedEarlyMuxerNegotiation,
		})
	}
	return list
}

func run() error {
	security := flag.String("security", "tls", "tls or noise")
	key := flag.String("key", "ed25519", "ed25519, secp256k1, ecdsa or rsa")
	early := flag.String("early", yamux.ID, "muxers to name within the handshake, with commas")
	flag.Parse()
	muxers := strings.FieldsFunc(*early, func(letter rune) bool { return letter == ',' })
	options := host.Options{Listen: "/ip4/127.0.0.1/tcp/0", Security: *security, Key: *key, Early: muxers}
	node, err := host.New(options)
	if err != nil {
		return err
	}
	defer node.Close()
	node.SetStreamHandler(digestEcho, echo)
	said := json.NewEncoder(os.Stdout)
	if err := said.Encode(answer{PeerID: node.ID().String(), Address: node.Addrs()[0].String()}); err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var asked command
		var failure string
		err := json.Unmarshal(lines.Bytes(), &asked)
		if err == nil {
			err = do(node, asked)
		}
		if err != nil {
			failure = err.Error()
		}
		if err := said.Encode(answer{Connections: connectionsOf(node), Error: failure}); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
