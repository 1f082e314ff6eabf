import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Endpoint } from '@agent-mesh/control-plane'

const run = promisify(execFile)
/** A process is started for each look. */
const freshMs = 10_000
const timeoutMs = 2_000
const mostBytes = 8 * 1024 * 1024

/** What the kernel counts of one connection over TCP. */
export interface TcpInfo {
  /** Segments sent, those that were sent again included. */
  segments: number
  retransmitted: number
  /** Payload of all of them. */
  bytes?: number
  /** Headers of IP and TCP in each, with the options that were agreed on. */
  headerBytes?: number
  /** Payload of the largest segment. */
  mssBytes: number
  /** Largest packet on this path, as the kernel believes. */
  pathMtu?: number
}

const plain = (host: string): string => host.replace(/^\[(?:::ffff:)?(.*)\]$/, '$1').replace(/%.*$/, '')

const keyOf = ({ host, port }: Endpoint): string => `${plain(host)} ${port}`

const numberIn = (text: string, pattern: RegExp): number | undefined => {
  const found = pattern.exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** The shortest headers of IPv4 and TCP, and the longest. */
const headers = { least: 40, most: 120 }

/**
 * The largest packet without the largest payload. Where the window of the peer, or its own limit, cuts the payload of segments,
 * what this side announces as its largest tells, which leaves the same room for options.
 */
const headerBytesIn = (pathMtu: number | undefined, payloads: Array<number | undefined>): number | undefined =>
  payloads
    .map((payload) => (pathMtu ?? 0) - (payload ?? 0))
    .find((bytes) => bytes >= headers.least && bytes <= headers.most)

/**
 * Reads what `ss -tinpH` says of the connections of one process: two lines for each.
 * @returns by the remote end; connections to the same one take the same path and are counted together
 */
export const readSockets = (text: string, pid: number): Map<string, TcpInfo> => {
  const found = new Map<string, TcpInfo>()
  const lines = text.split('\n')
  for (const [at, line] of lines.entries()) {
    const [, host, port] = /^\d+\s+\d+\s+\S+\s+(\S+):(\d+)\s/.exec(line) ?? []
    if (host === undefined || !line.includes(`pid=${pid},`)) continue
    const details = lines[at + 1] ?? ''
    const segments = numberIn(details, /\bdata_segs_out:(\d+)/)
    const mssBytes = numberIn(details, /\bmss:(\d+)/)
    if (segments === undefined || mssBytes === undefined) continue
    const pathMtu = numberIn(details, /\bpmtu:(\d+)/)
    const bytes = numberIn(details, /\bbytes_sent:(\d+)/)
    const headerBytes = headerBytesIn(pathMtu, [mssBytes, numberIn(details, /\badvmss:(\d+)/)])
    const key = keyOf({ host, port: Number(port) })
    const other = found.get(key)
    found.set(key, {
      segments: segments + (other?.segments ?? 0),
      // left out by `ss` where there were none
      retransmitted: (numberIn(details, /\bretrans:\d+\/(\d+)/) ?? 0) + (other?.retransmitted ?? 0),
      mssBytes: Math.min(mssBytes, other?.mssBytes ?? mssBytes),
      ...(pathMtu === undefined ? {} : { pathMtu }),
      ...(bytes === undefined ? {} : { bytes: bytes + (other?.bytes ?? 0) }),
      ...(headerBytes === undefined ? {} : { headerBytes })
    })
  }
  return found
}

/** The counters of this process's connections, read at most every ten seconds; nothing where the system has no `ss`. */
export class TcpCounters {
  #sockets = new Map<string, TcpInfo>()
  #readMs = Number.NEGATIVE_INFINITY
  #isMissing = process.platform !== 'linux'

  /** Reads them anew where they are old, or in any case. */
  async refresh(isForced = false): Promise<void> {
    const nowMs = performance.now()
    if (this.#isMissing || (!isForced && nowMs - this.#readMs < freshMs)) return
    this.#readMs = nowMs
    try {
      const args = ['-tinpH', 'state', 'established']
      const { stdout } = await run('ss', args, { timeout: timeoutMs, maxBuffer: mostBytes })
      this.#sockets = readSockets(stdout, process.pid)
    } catch (err) {
      this.#sockets = new Map()
      this.#isMissing = err instanceof Error && 'code' in err && err.code === 'ENOENT'
    }
  }

  /** Of the connection to a remote end; undefined where nothing can tell. */
  of(remote: Endpoint): TcpInfo | undefined {
    return this.#sockets.get(keyOf(remote))
  }
}
