import { direct } from './direct.ts'
import { mesh } from './mesh.ts'
import { ssh } from './ssh.ts'
import type { Contender } from './contender.ts'

/** All that the bench knows, in the order in which they are shown. */
export const contenders: readonly Contender[] = [direct, ssh, mesh]
