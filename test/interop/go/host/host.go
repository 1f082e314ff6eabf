// Package host makes libp2p hosts of one transport, one encrypter and one muxer: TCP, TLS or noise, and yamux. They
// neither identify themselves nor find anybody, so that what is on the wire is what a test asks for, and so that a build
// needs neither QUIC nor WebRTC.
package host

import (
	"crypto/rand"
	"fmt"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/sec"
	blankhost "github.com/libp2p/go-libp2p/p2p/host/blank"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
)

// Options of a host.
type Options struct {
	// Listen is a multiaddr; without one the host only dials.
	Listen string
	// Security is "tls" or "noise", the only one that the host has.
	Security string
	// Key is "ed25519", "secp256k1", "ecdsa" or "rsa".
	Key string
	// Early are the muxers that it names within the handshake; without any, the muxer is negotiated afterwards.
	Early []string
}

var keyTypes = map[string]struct{ kind, bits int }{
	"ed25519":   {crypto.Ed25519, 0},
	"secp256k1": {crypto.Secp256k1, 0},
	"ecdsa":     {crypto.ECDSA, 0},
	"rsa":       {crypto.RSA, 2048},
}

func newKey(name string) (crypto.PrivKey, error) {
	wanted, ok := keyTypes[name]
	if !ok {
		return nil, fmt.Errorf("there is no key type %q", name)
	}
	key, _, err := crypto.GenerateKeyPairWithReader(wanted.kind, wanted.bits, rand.Reader)
	return key, err
}

func newSecurity(name string, key crypto.PrivKey, early []upgrader.StreamMuxer) (sec.SecureTransport, error) {
	switch name {
	case "tls":
		return libp2ptls.New(libp2ptls.ID, key, early)
	case "noise":
		return noise.New(noise.ID, key, early)
	default:
		return nil, fmt.Errorf("there is no security %q", name)
	}
}

// New makes a host with a key of its own, and lets it listen.
func New(options Options) (host.Host, error) {
	key, err := newKey(options.Key)
	if err != nil {
		return nil, err
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, err
	}
	store, err := pstoremem.NewPeerstore()
	if err != nil {
		return nil, err
	}
	if err := store.AddPrivKey(id, key); err != nil {
		return nil, err
	}
	bus := eventbus.NewBus()
	network, err := swarm.NewSwarm(id, store, bus)
	if err != nil {
		return nil, err
	}
	early := make([]upgrader.StreamMuxer, 0, len(options.Early))
	for _, name := range options.Early {
		early = append(early, upgrader.StreamMuxer{ID: protocol.ID(name), Muxer: yamux.DefaultTransport})
	}
	security, err := newSecurity(options.Security, key, early)
	if err != nil {
		return nil, err
	}
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	upgrades, err := upgrader.New([]sec.SecureTransport{security}, muxers, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	// a port of its own for each dial: what a host listens on is of no use to whoever it dials here
	transport, err := tcp.NewTCPTransport(upgrades, nil, nil, tcp.DisableReuseport())
	if err != nil {
		return nil, err
	}
	if err := network.AddTransport(transport); err != nil {
		return nil, err
	}
	if options.Listen != "" {
		address, err := ma.NewMultiaddr(options.Listen)
		if err != nil {
			return nil, err
		}
		if err := network.Listen(address); err != nil {
			return nil, err
		}
	}
	return blankhost.NewBlankHost(network, blankhost.WithEventBus(bus)), nil
}
