import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { MeshError } from '@agent-mesh/wire/errors'
import { printable } from '@agent-mesh/wire/quote'

/** What is asked of whom, as it was typed. */
export interface Asked {
  target: string
  /** Of a host name, where one was typed. */
  port: number
  path: string
  method: string
  /** Names and values in turn. */
  headers: string[]
  data: string | undefined
}

interface Typed {
  target: string
  path?: string | undefined
  method?: string | undefined
  headers: string[]
  data?: string | undefined
}

const usage = (message: string): MeshError => new MeshError('USAGE', message, { hint: 'mesh-node call --help' })

/** RFC 9110, section 5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const shown = 200

const headerOf = (line: string): string[] => {
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(colon, 0)).trim()
  const value = line.slice(colon + 1).trim()
  if (!token.test(name) || /[\r\n\0]/.test(value))
    throw usage(`"${printable(line, shown)}" is no header; write it as 'Name: value'.`)
  return [name, value]
}

/** A URL is taken apart; what its host means is for the node to say. */
const fromUrl = ({ target, path }: Typed): { target: string; port: number; path: string } => {
  if (path !== undefined) throw usage(`"${printable(target, shown)}" has a path by itself.`)
  const [, host = '', port = '80', rest = ''] = /^http:\/\/([^/?#@:]+)(?::(\d{1,5}))?([/?][^#]*)?$/.exec(target) ?? []
  if (host === '' || Number(port) > 65_535) throw usage(`"${printable(target, shown)}" is no http URL of an agent.`)
  return { target: host, port: Number(port), path: rest.startsWith('/') ? rest : `/${rest}` }
}

/** Reads what was typed. @throws MeshError USAGE */
export const askedOf = (typed: Typed): Asked => {
  const isUrl = /^[a-z]+:\/\//.test(typed.target)
  const where = isUrl ? fromUrl(typed) : { target: typed.target, port: 80, path: typed.path ?? '/' }
  if (!/^\/[\x21-\x7e]*$/.test(where.path))
    throw usage(`"${printable(where.path, shown)}" is no path: it begins with / and has no blanks; write them as %20.`)
  const method = typed.method ?? (typed.data === undefined ? 'GET' : 'POST')
  if (!token.test(method)) throw usage(`"${printable(method, shown)}" is no method.`)
  if (method === 'CONNECT') throw usage('CONNECT opens a tunnel; mesh-node nc does that.')
  return { ...where, method, headers: typed.headers.flatMap(headerOf), data: typed.data }
}

/** What a request carries, and what has to be said of it where the person who types says nothing. */
export interface Body {
  content: Readable | Buffer
  headers: string[]
}

const isJson = (text: string): boolean => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null
  } catch {
    return false
  }
}

/** Text as it was typed, the content of `@file`, or standard input for `-`. @throws MeshError USAGE */
export const bodyOf = async (data: string): Promise<Body> => {
  if (data === '-' || data === '@-') return { content: process.stdin, headers: ['Transfer-Encoding', 'chunked'] }
  if (data.startsWith('@')) {
    const file = data.slice(1)
    const found = await stat(file).catch((cause: unknown) => {
      throw new MeshError('USAGE', `${printable(file, shown)} cannot be read.`, { cause })
    })
    const size = found.isFile() ? ['Content-Length', String(found.size)] : ['Transfer-Encoding', 'chunked']
    return { content: createReadStream(file), headers: size }
  }
  const content = Buffer.from(data)
  const type = isJson(data) ? 'application/json' : 'text/plain; charset=utf-8'
  return { content, headers: ['Content-Type', type, 'Content-Length', String(content.length)] }
}

/** Headers as they go out: those that were typed take the place of ours. */
export const withTyped = (ours: string[], typed: string[]): string[] => {
  const names = new Set(typed.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()))
  const kept = ours.filter((_, index) => !names.has((ours[index - (index % 2)] ?? '').toLowerCase()))
  return [...kept, ...typed]
}
