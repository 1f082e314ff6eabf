import { besideBulk } from './beside-bulk.ts'
import { delayed } from './delay.ts'
import { file } from './file.ts'
import { grpc } from './grpc.ts'
import { http } from './http.ts'
import { loss } from './loss.ts'
import { relay } from './relay.ts'
import { requests } from './requests.ts'
import { shortTunnels } from './short-tunnels.ts'
import { stream, streams } from './stream.ts'
import type { Workload } from './workload.ts'

/** All that the bench does, in the order in which it is done. */
export const workloads: readonly Workload[] = [
  stream,
  streams,
  requests,
  http,
  grpc,
  shortTunnels,
  file,
  besideBulk,
  loss,
  delayed,
  relay
]
