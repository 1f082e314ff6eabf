import type { IncomingMessage } from 'node:http'
import type { Client, Tunnel } from '@agent-mesh/client'
import { MeshError } from '@agent-mesh/wire/errors'
import { inertLines, printable } from '@agent-mesh/wire/quote'
import { bodyFields, collectBody, headLines, streamBody } from '../call/answer.ts'
import { exchange, failureOf } from '../call/exchange.ts'
import { answererLine, candidatesFor, explanationLines, queryOf } from '../call/explain.ts'
import { askedOf, bodyOf, withTyped, type Asked } from '../call/request.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import type { Input } from '../input.ts'
import { programVersion } from '../version.ts'

const askedFrom = (input: Input): Asked =>
  askedOf({
    target: input.argument(0),
    path: input.optionalArgument(1),
    method: input.text('method'),
    headers: input.list('header'),
    data: input.text('data')
  })

const hostOf = ({ target, port }: Asked, { name, peerId, service }: Tunnel): string => {
  if (!target.includes('.')) return `${service}.${name ?? peerId}.mesh`
  return port === 80 ? target : `${target}:${port}`
}

const tellReasons = (lines: string[]): void => {
  if (lines.length > 0) process.stderr.write(`${lines.map(inertLines).join('\n')}\n`)
}

/** Opens the tunnel; where that fails and reasons were asked for, they are told first. */
const open = async (client: Client, asked: Asked, input: Input, signal: AbortSignal | undefined): Promise<Tunnel> => {
  const { target, port } = asked
  try {
    return await client.connect(target, { kind: 'http', port, signal })
  } catch (err) {
    if (input.has('explain') && !input.has('json')) {
      const found = await candidatesFor(client, target).catch(() => ({ candidates: [], leftOut: [] }))
      tellReasons(explanationLines(found))
    }
    throw err
  }
}

const ask = async (tunnel: Tunnel, asked: Asked): Promise<IncomingMessage> => {
  const body = asked.data === undefined ? undefined : await bodyOf(asked.data)
  const ours = ['Host', hostOf(asked, tunnel), 'User-Agent', `mesh-node/${programVersion()}`, 'Accept', '*/*']
  const headers = withTyped([...ours, 'Connection', 'close', ...(body?.headers ?? [])], asked.headers)
  return exchange(tunnel, { ...asked, headers, body })
}

/** @throws MeshError HTTP_STATUS */
const checkStatus = (
  { statusCode = 0, statusMessage = '' }: IncomingMessage,
  { method, path }: Asked,
  by: Tunnel
): void => {
  if (statusCode < 400) return
  const status = printable(`${statusCode} ${statusMessage}`.trim(), 100)
  throw new MeshError(
    'HTTP_STATUS',
    `${by.service} of ${by.name ?? by.peerId} answered ${status} to ${method} ${printable(path, 200)}.`,
    {
      details: { status: statusCode, peerId: by.peerId }
    }
  )
}

/** Ends the exchange where it takes longer than it may. */
const limitTime = (tunnel: Tunnel, signal: AbortSignal | undefined, target: string): void => {
  const giveUp = (): void => {
    tunnel.destroy(
      new MeshError('TIMEOUT', `${printable(target, 200)} did not answer within the time that it was given.`)
    )
  }
  if (signal?.aborted === true) giveUp()
  else signal?.addEventListener('abort', giveUp, { once: true })
}

const run = async (input: Input, context: Context): Promise<void> => {
  const asked = askedFrom(input)
  const timeoutMs = input.duration('timeout', 1, 24 * 3_600_000)
  const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
  const startedMs = performance.now()
  await context.ask(async (client) => {
    const tunnel = await context.waiting(`calling ${printable(asked.target, 200)}`, open(client, asked, input, signal))
    // Whoever reads learns of it by what it does to the exchange.
    tunnel.on('error', () => {})
    limitTime(tunnel, signal, asked.target)
    try {
      const response = await ask(tunnel, asked)
      const elapsedMs = performance.now() - startedMs
      const reasons = input.has('explain') ? await candidatesFor(client, queryOf(tunnel)) : undefined
      if (reasons !== undefined && !context.isJson)
        tellReasons([...explanationLines(reasons), answererLine(tunnel, elapsedMs)])
      if (input.has('fail')) checkStatus(response, asked, tunnel)
      if (!context.isJson) {
        if (input.has('include')) process.stdout.write(`${headLines(response).map(inertLines).join('\n')}\n`)
        await streamBody(response, process.stdout)
        return
      }
      const { statusCode: status, statusMessage: statusText, headers } = response
      const { peerId, name, service, target } = tunnel
      const servedBy = { peerId, name, service }
      const body = bodyFields(await collectBody(response))
      context.print({ status, statusText, headers, ...body, servedBy, target, elapsedMs, ...reasons }, () => [])
    } catch (err) {
      throw failureOf(tunnel, err)
    } finally {
      tunnel.destroy()
    }
  })
}

export const call: Command = {
  command: 'call',
  describe: 'Send one HTTP request to an agent and print the answer as it comes.',
  arguments: [
    {
      name: '<target>',
      describe:
        '<name>, <peer id> or a host name of the mesh, with an optional /<service>; cap:<path>; or a URL, http://web.alice.mesh/path'
    },
    { name: '[path]', describe: 'path and query; / without it' }
  ],
  options: [
    { flags: '-X, --method <method>', describe: 'GET without it, or POST where there is data' },
    { flags: '-H, --header <line>', describe: "another header, 'Name: value'", isRepeatable: true },
    { flags: '-d, --data <data>', describe: 'body: the text itself, @<file>, or - for standard input' },
    { flags: '-i, --include', describe: 'print the status and the headers of the answer before its body' },
    { flags: '-f, --fail', describe: 'exit with 1, and print no body, where the status is 400 or more' },
    { flags: '--explain', describe: 'say on stderr which agents may answer, why in this order, and who did' },
    { flags: '--timeout <duration>', describe: 'longest time for all of it; without it the answer may take for ever' }
  ],
  examples: [
    { command: 'mesh-node call alice /health', describe: 'ask the only http service of an agent' },
    {
      command: `mesh-node call cap:language_processing/translation -d '{"text":"hello"}'`,
      describe: 'ask whoever has a capability; JSON is sent as JSON'
    },
    { command: 'mesh-node call translation.cap.mesh --explain', describe: 'and learn who it was, and why' },
    { command: 'mesh-node call alice/web /upload -X PUT -d @photo.jpg', describe: 'send a file' },
    { command: 'mesh-node call alice/web /events', describe: 'follow server-sent events until Ctrl-C' },
    { command: 'mesh-node call alice /health --fail --timeout 5s', describe: 'for a script: exit 1, or 5 after 5 s' }
  ],
  handler: run
}
