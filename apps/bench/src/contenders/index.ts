import { direct } from './direct.ts'
import { libp2pPlaintext, libp2pTls } from './bare-libp2p.ts'
import { goLibp2p } from './go-libp2p.ts'
import { hyperdht } from './hyperdht.ts'
import { mesh } from './mesh.ts'
import { nebula } from './nebula.ts'
import { ssh } from './ssh.ts'
import { tinc } from './tinc.ts'
import { vxlan } from './vxlan.ts'
import { wireguard } from './wireguard.ts'
import { yggdrasil } from './yggdrasil.ts'
import type { Contender } from './contender.ts'

/** All that the bench knows, in the order in which they are shown. */
export const contenders: readonly Contender[] = [
  direct,
  vxlan,
  ssh,
  mesh,
  libp2pTls,
  libp2pPlaintext,
  goLibp2p,
  hyperdht,
  yggdrasil,
  wireguard,
  nebula,
  tinc
]
