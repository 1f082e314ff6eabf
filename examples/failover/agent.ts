/** One of the agents of this example, as a process of its own: `agent.ts <name> <state directory> <ticket>`. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { startAgent } from '@agent-mesh/node'

const [name = '', stateDir = '', ticket = ''] = process.argv.slice(2)
const agent = await startAgent({ name, stateDir, ticket, listen: ['/ip4/127.0.0.1/tcp/0'] })
const server = createServer((request, response) => response.end(`${name} counts ${String(request.url).slice(1)}`))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
const port = typeof address === 'object' && address !== null ? address.port : 0
await agent.serve('counter', `http://127.0.0.1:${port}`, { capabilities: ['x-demo/counting'] })
console.log(agent.peerId)
