import { direct } from './direct.ts'
import { mesh } from './mesh.ts'
import { nebula } from './nebula.ts'
import { ssh } from './ssh.ts'
import { tinc } from './tinc.ts'
import { vxlan } from './vxlan.ts'
import { wireguard } from './wireguard.ts'
import { yggdrasil } from './yggdrasil.ts'
import type { Contender } from './contender.ts'

/** All that the bench knows, in the order in which they are shown. */
export const contenders: readonly Contender[] = [direct, vxlan, ssh, mesh, yggdrasil, wireguard, nebula, tinc]
