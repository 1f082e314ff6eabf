import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { beforeAll, describe, expect } from 'vitest'
import { proxiesResponse } from '@agent-mesh/wire/api'
import { loadPage } from './harness/chromium.ts'
import { listenLocally } from './harness/local-server.ts'
import { createMesh } from './harness/mesh.ts'
import { startWebSocketOrigin } from './harness/origins/websocket-origin.ts'
import { findProgram, testWith } from './harness/program.ts'
import type { MeshProcess } from './harness/mesh-process.ts'

let bob: MeshProcess
let pac = ''
let directPort = 0
let report: unknown
/** Host and caller of every request that came to the agent. */
const asked: string[] = []

/** Does what agents' pages do, tells the agent what came of it, and is loaded when the agent has heard of it. */
const page = `<!doctype html><title>agent</title><img src="/hold" alt="">
<script type="module">
const fetched = await (await fetch('/data', { method: 'POST', body: 'from the page' })).json()
const events = await new Promise((resolve, reject) => {
  const seen = []
  const source = new EventSource('/stream')
  source.onerror = () => reject(new Error('the stream broke'))
  source.onmessage = ({ data }) => {
    seen.push(data)
    if (seen.length === 3) { source.close(); resolve(seen) }
  }
})
const words = await new Promise((resolve, reject) => {
  const heard = []
  const socket = new WebSocket('ws://chat.alice.mesh/chat', ['agent.v1'])
  socket.onerror = () => reject(new Error('the socket broke'))
  socket.onmessage = ({ data }) => {
    heard.push(data)
    if (heard.length === 2) { socket.close(); resolve(heard) }
    else socket.send('said by the page')
  }
})
document.body.append(JSON.stringify({ events }))
await fetch('/report', { method: 'POST', body: JSON.stringify({ fetched, events, words, where: location.href }) })
</script>`

const startPages = async (): Promise<number> => {
  const reported = Promise.withResolvers<void>()
  return listenLocally(
    createServer((request, response) => {
      const { url = '/', headers } = request
      asked.push(`${headers.host ?? ''} ${String(headers['mesh-peer-name'])}`)
      const answers: Record<string, () => Promise<void> | void> = {
        '/': () => {
          response.setHeader('content-type', 'text/html')
          response.end(page)
        },
        '/data': async () => {
          let body = ''
          for await (const part of request) body += String(part)
          response.setHeader('content-type', 'application/json')
          response.end(JSON.stringify({ body, origin: headers.origin }))
        },
        '/stream': () => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          for (const word of ['one', 'two', 'three']) response.write(`data: ${word}\n\n`)
        },
        '/report': async () => {
          report = await json(request)
          response.end()
          reported.resolve()
        },
        '/hold': async () => {
          await reported.promise
          response.statusCode = 404
          response.end()
        }
      }
      const answer = answers[url] ?? (() => response.writeHead(404).end())
      void Promise.resolve(answer()).catch(() => response.destroy())
    })
  )
}

beforeAll(async () => {
  if (findProgram('chromium') === undefined) return
  const mesh = await createMesh({ members: ['alice', 'bob'] })
  ;({ bob } = mesh)
  await mesh.alice.serve(`web=http://127.0.0.1:${await startPages()}`, 'language_processing/translation')
  await mesh.alice.serve(`chat=http://127.0.0.1:${(await startWebSocketOrigin('alice-chat')).port}`)
  const { proxies } = await bob.json(proxiesResponse, ['proxy', '--http', '127.0.0.1:0'])
  pac = `http://${proxies[0]?.listen ?? ''}/proxy.pac`
  directPort = await listenLocally(
    createServer((request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end(`<p>direct to ${request.headers.host ?? ''}</p>`)
    })
  )
})

describe('headless Chromium, told by the PAC file', () => {
  const chromiumTest = testWith('chromium')

  chromiumTest('loads the page of an agent, which fetches, streams and opens a WebSocket', async () => {
    const document = await loadPage('http://web.alice.mesh/', { pac })
    expect(document).toContain('<title>agent</title>')
    expect(document).toContain('{"events":["one","two","three"]}')
    expect(report).toEqual({
      fetched: { body: 'from the page', origin: 'http://web.alice.mesh' },
      events: ['one', 'two', 'three'],
      words: ['origin alice-chat', 'said by the page'],
      where: 'http://web.alice.mesh/'
    })
    expect(new Set(asked)).toEqual(new Set(['web.alice.mesh bob']))
  })

  chromiumTest('finds an agent by what it can do', async () => {
    expect(await loadPage('http://translation.cap.mesh/', { pac })).toContain('<title>agent</title>')
    expect(asked).toContain('translation.cap.mesh bob')
  })

  chromiumTest('is told why there is no such agent', async () => {
    expect(await loadPage('http://nobody.mesh/', { pac })).toContain('NAME_UNKNOWN')
  })

  chromiumTest('goes past the proxy to what is not of the mesh', async () => {
    const [before] = (await bob.status()).proxies
    const host = `outside.test:${directPort}`
    const document = await loadPage(`http://${host}/`, { pac, local: ['outside.test'] })
    expect(document).toContain(`direct to ${host}`)
    const [after] = (await bob.status()).proxies
    expect(after?.failedRequests).toBe(before?.failedRequests)
  })
})
