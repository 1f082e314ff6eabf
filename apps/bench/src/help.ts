import { contenders } from './contenders/index.ts'
import { workloads } from './workloads/index.ts'

const list = (rows: ReadonlyArray<{ name: string; describe: string }>): string[] =>
  rows.map(({ name, describe }) => `  ${name.padEnd(20)}${describe}`)

/** What measures the mesh by itself, without anybody beside it. */
export const alone = [
  { name: 'start-up', describe: 'from the command to a node that is ready' },
  { name: 'policy', describe: 'decisions a second, by the size of the policy' },
  { name: 'proxy', describe: 'what the HTTP proxy adds to a request' },
  { name: 'open-tunnels', describe: 'as many idle tunnels as a peer may have, their memory, and the next one' },
  { name: 'idle', describe: 'what a node costs while nobody uses it, at 10 and 50 members' }
]

export const helpText = (): string =>
  [
    'npm run bench -- [workload…] [--contenders a,b] [--rounds 5] [--seconds 2] [--store] [--json]',
    'npm run bench -- --draw',
    '',
    'Measures the mesh beside what else is installed, in turns within one run, between two network namespaces (root on',
    'Linux; on 127.0.0.1 elsewhere). Nothing is installed by it; who is missing is named. All workloads without a name.',
    'How lookups, gossip and an idle node grow with the network is measured by guards: npm run guard.',
    '',
    'A run is compared with the stored one in apps/bench/results, as ratios to plain TCP. --store takes its place, unless',
    'plain TCP was so uneven that the run is noisy; --draw draws what is stored into docs/charts.',
    '',
    'Workloads, on each contender:',
    ...list(workloads),
    'Of the mesh alone:',
    ...list(alone),
    'Contenders:',
    ...list(contenders),
    'In relay, ssh goes by a jump host and mesh by a member that relays; all others are left out.',
    '',
    'The node is the one that was built here. MESH_BENCH_NODE=…/bin/mesh-node.js takes another one, such as what npm',
    'installs from npm run pack: the same code in few files.',
    '',
    'Examples:',
    '  npm run bench -- stream --contenders direct,ssh,mesh --rounds 3',
    '  npm run bench -- streams --seconds 5 --json > streams.json',
    '  npm run bench -- stream http --rounds 7 --store && npm run bench -- --draw'
  ].join('\n')
