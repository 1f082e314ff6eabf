import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { readPackets, type Packet } from './packets.ts'

/** Every packet that crossed the internet of a lab while it ran. */
export interface Capture {
  /** Ends it, and removes its file. @throws Error where packets came faster than they were written down */
  stop: () => Promise<Packet[]>
  /** Ends it, whatever it saw. */
  discard: () => void
}

/**
 * Writes pcap from a packet socket. Every Debian has perl, and no Node opens such a socket. A frame is taken where it
 * comes in (type 4 goes out), and not at the bridge, which sees some of them a second time. 263 is SOL_PACKET, 6
 * PACKET_STATISTICS, 33 SO_RCVBUFFORCE.
 */
const program = String.raw`
use strict; use Time::HiRes 'time';
my ($file, $bridge) = @ARGV;
socket(my $s, 17, 3, 0x0300) or die "socket: $!";
setsockopt($s, 1, 33, pack('i', 128 << 20)); 
open(my $out, '>:raw', $file) or die "open: $!";
print $out pack('VvvVVVV', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1);
my $stop = 0; $SIG{TERM} = sub { $stop = 1 };
$| = 1; print "ready\n";
while (1) {
  my $from = recv($s, my $frame, 262144, $stop ? 0x40 : 0);
  unless (defined $from) { last if $stop; next }
  my (undef, undef, $device, undef, $type) = unpack('SnlSC', $from);
  next if $type == 4 or $device == $bridge;
  my $now = time;
  print $out pack('VVVV', int $now, 1e6 * ($now - int $now), length $frame, length $frame), $frame;
}
my (undef, $lost) = unpack('II', getsockopt($s, 263, 6));
close $out; print "lost $lost\n";
`

/** @param namespace - in which there is a bridge of that name */
export const startCapture = async (namespace: string): Promise<Capture> => {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-capture-'))
  const file = join(folder, 'packets.pcap')
  const command = `exec perl -e "$0" ${file} "$(cat /sys/class/net/bridge/ifindex)"`
  const child = spawn('ip', ['netns', 'exec', namespace, 'sh', '-c', command, program], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const lines = createInterface({ input: child.stdout })
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  const discard = (): void => {
    child.kill('SIGKILL')
    remove()
  }
  const began = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => undefined)])
  if (began === undefined) {
    discard()
    throw new Error('The capture ended before it began.')
  }
  return {
    discard,
    stop: async () => {
      try {
        const last = once(lines, 'line')
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        const [line] = await last
        await ended
        if (line !== 'lost 0') throw new Error(`The capture is not complete: ${String(line)}.`)
        return readPackets(readFileSync(file))
      } finally {
        discard()
      }
    }
  }
}
