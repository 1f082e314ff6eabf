import type { IncomingMessage } from 'node:http'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StringDecoder } from 'node:string_decoder'
import { MeshError } from '@agent-mesh/wire/errors'
import { limits } from '@agent-mesh/wire/limits'
import { inertLines } from '@agent-mesh/wire/quote'

/** Status line and headers, as they came. */
export const headLines = ({ httpVersion, statusCode, statusMessage, rawHeaders }: IncomingMessage): string[] => [
  `HTTP/${httpVersion} ${statusCode} ${statusMessage}`.trimEnd(),
  ...rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1] ?? ''}`] : [])),
  ''
]

/** What a service says acts on no terminal; a file or a pipe gets it as it is. */
const forTerminal = (): Transform => {
  const decoder = new StringDecoder('utf8')
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, inertLines(decoder.write(chunk))),
    flush: (done) => done(null, inertLines(decoder.end()))
  })
}

/** Passes the body on as it comes. @throws what cuts it */
export const streamBody = async (response: IncomingMessage, output: NodeJS.WriteStream): Promise<void> => {
  if (output.isTTY) await pipeline(response, forTerminal(), output, { end: false })
  else await pipeline(response, output, { end: false })
}

/** All of a body. @throws MeshError LIMIT_EXCEEDED, and what cuts it */
export const collectBody = async (
  response: AsyncIterable<Buffer>,
  mostBytes: number = limits.callDocumentBytes
): Promise<Buffer> => {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    length += chunk.length
    if (length > mostBytes)
      throw new MeshError('LIMIT_EXCEEDED', `The answer has more than ${mostBytes} bytes, too many for one document.`, {
        hint: 'Leave --json away: the body is then passed on as it comes.'
      })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** A body inside of JSON: as text where it is text. */
export const bodyFields = (body: Buffer): { body: string } | { bodyBase64: string } => {
  const text = body.toString('utf8')
  return Buffer.from(text).equals(body) ? { body: text } : { bodyBase64: body.toString('base64') }
}
