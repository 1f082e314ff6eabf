import { createServer } from 'node:net'
import { listenLocally } from '../../e2e/harness/local-server.ts'

/** A service that keeps every byte that reaches it. */
export interface Recorder {
  port: number
  /** Connections so far. */
  connections: () => number
  /** All that came since the last call, in the order of arrival. */
  take: () => string
  /** All that came since then, without taking it. */
  peek: () => string
}

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** It answers each head of a request at once, whatever else it is told. */
export const startRecorder = async (): Promise<Recorder> => {
  let kept = ''
  let count = 0
  const server = createServer((socket) => {
    count += 1
    let mine = ''
    let answered = 0
    socket.on('error', () => {})
    socket.on('data', (data) => {
      const text = data.toString('latin1')
      kept += text
      mine += text
      for (const heads = mine.match(/[A-Z]+ \S+ HTTP\/1\.\d\r\n/g)?.length ?? 0; answered < heads; answered++)
        socket.write(answer)
    })
  })
  return {
    port: await listenLocally(server),
    connections: () => count,
    peek: () => kept,
    take: () => {
      const all = kept
      kept = ''
      return all
    }
  }
}
