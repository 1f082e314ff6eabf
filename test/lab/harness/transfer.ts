import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { toMeshError } from '@agent-mesh/wire'
import { seededBytes } from '../../e2e/harness/seeded-bytes.ts'
import type { Member } from './member.ts'
import type { Scene } from './scene.ts'
import { SinkService } from './sink-service.ts'

export interface Transferred {
  isExact: boolean
  elapsedMs: number
  /** Absent where all of it came. */
  code?: string
}

const seed = Number(process.env['MESH_SEED'] ?? 1)

/** Makes a member read what it gets. */
export const serveSink = async (scene: Scene, member: Member): Promise<void> => {
  const sink = await SinkService.listen(join(scene.folder, `${member.name}-sink.sock`))
  scene.onEnd(() => sink.close())
  await member.client.serve('sink', { address: sink.address, capabilities: [] })
}

/** Sends bytes to the sink of a member, and compares what came. */
export const transfer = async (
  from: Member,
  to: Member,
  bytes: Uint8Array,
  timeoutMs: number
): Promise<Transferred> => {
  const beganMs = performance.now()
  const signal = AbortSignal.timeout(timeoutMs)
  const elapsedMs = (): number => performance.now() - beganMs
  try {
    const tunnel = await from.client.connect(`${to.peerId}/sink`, { signal })
    const give = (): void => void tunnel.destroy()
    signal.addEventListener('abort', give, { once: true })
    tunnel.end(bytes)
    let answer = ''
    for await (const chunk of tunnel) answer += String(chunk)
    signal.removeEventListener('abort', give)
    return { isExact: answer === createHash('sha256').update(bytes).digest('hex'), elapsedMs: elapsedMs() }
  } catch (err) {
    const code = signal.aborted ? 'no end in time' : toMeshError(err).code
    return { isExact: false, elapsedMs: elapsedMs(), code }
  }
}

/** The same each time for the same size and MESH_SEED. */
export const payload = (sizeBytes: number): Buffer => seededBytes(seed, sizeBytes)
