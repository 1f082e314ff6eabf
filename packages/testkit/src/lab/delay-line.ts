import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** How long packets take over a cable, each way. */
export interface Delay {
  /** 0 for as long as they take by themselves. */
  ms: number
  /** Each packet takes up to so much more or less. Their order stays. */
  jitterMs?: number
  /** Lets jitter change their order. */
  isReordering?: boolean
  /** Of the jitter: the nth packet of a direction has the same one each time. */
  seed?: number
  /** What is on its way in one direction; a packet beyond is dropped. */
  queueBytes?: number
}

/** Two devices of a namespace, joined by a process that keeps what comes in at one before it goes out at the other. */
export interface DelayLine {
  /** Resolves when it holds for the packets that come from then on. */
  set: (delay: Delay) => Promise<void>
  stop: () => void
}

/** As much as 1 Gbit/s has on its way in half a second. */
const usualQueueBytes = 64 * 1024 * 1024

/**
 * Passes frames on between two packet sockets, for kernels without netem. 263 is SOL_PACKET; its option 15,
 * PACKET_VNET_HDR, hands over the header that says which checksums and segments are still to be made, and it goes along
 * as it came; option 23 leaves out what is sent here. 33 is SO_RCVBUFFORCE, 0x40 MSG_DONTWAIT.
 */
const program = String.raw`
use strict; use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
my ($delay, $jitter, $reorders, $limit) = (0, 0, 0, 1 << 26);
my @ways = map {
  socket(my $s, 17, 3, 0) or die "socket: $!";
  setsockopt($s, 263, $_, pack('i', 1)) or die "option $_: $!" for 15, 23;
  setsockopt($s, 1, 33, pack('i', 16 << 20));
  bind($s, pack('SnlSCCx8', 17, 3, $_, 0, 0, 0)) or die "bind: $!";
  { socket => $s, due => [], frames => [], held => 0, random => 1 };
} @ARGV;
sub take {
  my ($way, $now) = @_;
  return if $way->{held} + length($_[2]) > $limit;
  my $x = $way->{random};
  $x ^= ($x << 13) & 0xffffffff; $x ^= $x >> 17; $x ^= ($x << 5) & 0xffffffff;
  $way->{random} = $x;
  my $due = $now + $delay + $jitter * ($x / 0x7fffffff - 1);
  my ($dues, $frames) = ($way->{due}, $way->{frames});
  my $at = @$dues;
  if ($reorders) { $at-- while $at > 0 and $dues->[$at - 1] > $due }
  if ($at == @$dues) { push @$dues, $due; push @$frames, $_[2] }
  else { splice @$dues, $at, 0, $due; splice @$frames, $at, 0, $_[2] }
  $way->{held} += length $_[2];
}
my $all = ''; vec($all, fileno($_), 1) = 1 for *STDIN, map { $_->{socket} } @ways;
my ($lines, $frame) = ('', '');
$| = 1; print "ready\n";
while (1) {
  my ($now, $next) = (clock_gettime(CLOCK_MONOTONIC), undef);
  for my $at (0, 1) {
    my ($way, $out) = ($ways[$at], $ways[1 - $at]{socket});
    my ($dues, $frames) = ($way->{due}, $way->{frames});
    for (1 .. 256) {
      last unless @$dues and $dues->[0] <= $now;
      shift @$dues; my $due = shift @$frames;
      $way->{held} -= length $due;
      send($out, $due, 0);
    }
    $next = $dues->[0] if @$dues and (!defined $next or $dues->[0] < $next);
  }
  my $wait = defined $next ? $next - clock_gettime(CLOCK_MONOTONIC) : undef;
  $wait = 0 if defined $wait and $wait < 0;
  next if select(my $ready = $all, undef, undef, $wait) < 1;
  $now = clock_gettime(CLOCK_MONOTONIC);
  for my $way (@ways) {
    next unless vec($ready, fileno($way->{socket}), 1);
    for (1 .. 256) { defined recv($way->{socket}, $frame, 70000, 0x40) or last; take($way, $now, $frame) }
  }
  next unless vec($ready, fileno(*STDIN), 1);
  sysread(STDIN, $lines, 4096, length $lines) or exit;
  while ($lines =~ s/^(.*)\n//) {
    ($delay, $jitter, $reorders, my $seed, $limit) = split ' ', $1;
    $ways[$_]{random} = ((2 * $seed + $_ + 1) * 2654435761) & 0xffffffff || 1 for 0, 1;
    print "set\n";
  }
}
`

const lineOf = ({ ms, jitterMs = 0, isReordering = false, seed = 1, queueBytes = usualQueueBytes }: Delay): string =>
  `${ms / 1_000} ${Math.min(jitterMs, ms) / 1_000} ${isReordering ? 1 : 0} ${seed} ${queueBytes}\n`

/**
 * Joins two devices that have no address, in a namespace where nothing else is. It ends with the process that started it.
 * @throws Error where there is no perl or no packet socket
 */
export const startDelayLine = async (namespace: string, devices: readonly [string, string]): Promise<DelayLine> => {
  const indexes = devices.map((device) => `"$(cat /sys/class/net/${device}/ifindex)"`).join(' ')
  const child = spawn('ip', ['netns', 'exec', namespace, 'sh', '-c', `exec perl -e "$0" ${indexes}`, program], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })
  const ended = once(child, 'exit')
  const untilLine = async (): Promise<void> => {
    const line = await Promise.race([once(lines, 'line'), ended.then(() => undefined)])
    if (line === undefined) throw new Error('The process that delays packets has ended.')
  }
  await untilLine()
  let last = Promise.resolve()
  const after = async (before: Promise<void>, delay: Delay): Promise<void> => {
    await before
    child.stdin.write(lineOf(delay))
    await untilLine()
  }
  return {
    set: async (delay) => {
      last = after(last, delay)
      return last
    },
    stop: () => void child.kill('SIGKILL')
  }
}
