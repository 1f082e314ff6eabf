import type { Scenario } from '../harness/scene.ts'
import { addressChange } from './address-change.ts'
import { blackHole } from './black-hole.ts'
import { capture } from './capture.ts'
import { linkCut } from './link-cut.ts'
import { mtu1280 } from './mtu-1280.ts'
import { relayKilled } from './relay-killed.ts'
import { sites } from './sites.ts'
import { stalledReader } from './stalled-reader.ts'
import { udpBlocked } from './udp-blocked.ts'

/** By the name that `npm run lab` takes. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'link-cut': linkCut,
  'address-change': addressChange,
  'relay-killed': relayKilled,
  'black-hole': blackHole,
  'stalled-reader': stalledReader,
  'mtu-1280': mtu1280,
  'udp-blocked': udpBlocked,
  sites,
  capture
}
