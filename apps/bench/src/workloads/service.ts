import { fileURLToPath } from 'node:url'
import { finish, freePort, start, untilListening } from '../program.ts'
import type { End } from '../contenders/contender.ts'
import type { Place } from '../place/place.ts'
import type { Services } from './workload.ts'

const fileOf = (name: string): string => fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url))

/** One of our own servers on the far side. It gets the address to bind and the port. */
export const serveProgram = async ({ kind, far }: Place, name: string): Promise<Services> => {
  const port = await freePort()
  const bind = kind === 'loopback' ? '127.0.0.1' : '::'
  const server = start(far, process.execPath, fileOf(name), bind, String(port))
  await untilListening(far, port)
  return { ports: [port], stop: server.stop }
}

/** Runs one of our own clients on the near side. @returns the JSON that it prints */
export const runProgram = async ({ near }: Place, name: string, end: End, ...more: string[]): Promise<unknown> =>
  JSON.parse(await finish(near, process.execPath, fileOf(name), end.host, String(end.port), ...more))

/** Several services as one. */
export const together = (services: readonly Services[]): Services => ({
  ports: services.flatMap(({ ports }) => ports),
  stop: async () => void (await Promise.all(services.map(async ({ stop }) => stop())))
})

/** A number within a document, by the names that lead to it. @throws Error if it is not there */
export const numberOf = (document: unknown, ...path: string[]): number => {
  let one = document
  for (const step of path) one = Object(one)[step]
  if (typeof one !== 'number') throw new Error(`${path.join('.')} is not in ${JSON.stringify(document).slice(-300)}`)
  return one
}

/** The way to one service of a workload. */
export const endOf = (ends: readonly End[], at = 0): End => {
  const end = ends[at]
  if (end === undefined) throw new Error(`there is no way to service ${at}`)
  return end
}
