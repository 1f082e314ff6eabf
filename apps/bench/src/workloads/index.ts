import { stream, streams } from './stream.ts'
import type { Workload } from './workload.ts'

/** All that the bench does, in the order in which it is done. */
export const workloads: readonly Workload[] = [stream, streams]
