/**
 * To be loaded before a program (`node --import`): ends its process with SIGKILL right before or right after the n-th time
 * that a file of the given name is put in its place, or removed. `MESH_KILL_AT=before:place:identity.key:1`.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { basename } from 'node:path'

const [when, what, name, nth = '1'] = (process.env['MESH_KILL_AT'] ?? '').split(':')
let count = 0

const killing = async <T>(action: string, path: string, work: () => Promise<T>): Promise<T> => {
  const isMeant = action === what && basename(path) === name && ++count === Number(nth)
  if (isMeant && when === 'before') process.kill(process.pid, 'SIGKILL')
  const result = await work()
  if (isMeant) process.kill(process.pid, 'SIGKILL')
  return result
}

const { rename, rm } = fs.promises
fs.promises.rename = async (from, to) => killing('place', String(to), async () => rename(from, to))
fs.promises.rm = async (path, options) => killing('remove', String(path), async () => rm(path, options))
syncBuiltinESMExports()
