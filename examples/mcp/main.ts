/**
 * An MCP server over the mesh. Alice offers tools over Streamable HTTP, with the server of the official SDK; Bob uses them
 * with the client of the official SDK, which is handed the `fetch` of the mesh. No port is open to anybody else.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { createClient } from '@agent-mesh/client'
import { createFetch } from '@agent-mesh/client/undici'
import { startAgent } from '@agent-mesh/node'

const listen = ['/ip4/127.0.0.1/tcp/0']
const alice = await startAgent({ name: 'alice', isFounder: true, listen })
const bob = await startAgent({ name: 'bob', ticket: await alice.invite(), listen })
const fetch = createFetch(createClient({ socketPath: bob.socketPath }))

/** One server for each request: it keeps nothing, and knows who calls. */
const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const caller = String(request.headers['mesh-peer-name'])
  const server = new McpServer({ name: 'tools', version: '1.0.0' })
  server.registerTool(
    'reverse',
    { description: 'Turns a text around', inputSchema: { text: z.string() } },
    ({ text }) => ({
      content: [{ type: 'text', text: `${text.split('').toReversed().join('')} (${alice.peerId} for ${caller})` }]
    })
  )
  const transport = new StreamableHTTPServerTransport()
  response.once('close', () => void server.close())
  await server.connect(transport)
  await transport.handleRequest(request, response)
}

try {
  await alice.serve('tools', (request, response) => void answer(request, response))
  console.log(`alice is ${alice.peerId}`)

  const client = new Client({ name: 'bob', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(new URL('http://tools.alice.mesh/mcp'), { fetch }))
  const { tools } = await client.listTools()
  console.log(`bob sees the tools: ${tools.map(({ name }) => name).join(', ')}`)
  const { content } = await client.callTool({ name: 'reverse', arguments: { text: 'hsem' } })
  console.log(`reverse says: ${JSON.stringify(content)}`)
  await client.close()
} finally {
  await fetch.close()
  await bob.close()
  await alice.close()
}
