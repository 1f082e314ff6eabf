import type { Scenario } from '../harness/scene.ts'
import { addressChange } from './address-change.ts'
import { blackHole } from './black-hole.ts'
import { linkCut } from './link-cut.ts'
import { relayKilled } from './relay-killed.ts'

/** By the name that `npm run lab` takes. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'link-cut': linkCut,
  'address-change': addressChange,
  'relay-killed': relayKilled,
  'black-hole': blackHole
}
