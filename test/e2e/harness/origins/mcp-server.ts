/** An MCP server on standard input and output, as any agent may have one; it knows who calls from its environment. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { z } from 'zod'

const server = new McpServer({ name: 'notes', version: '1.0.0' })
server.registerTool(
  'reverse',
  { description: 'Turns a text around', inputSchema: { text: z.string() } },
  ({ text }) => ({
    content: [
      {
        type: 'text',
        text: `${text.split('').toReversed().join('')} for ${process.env['MESH_PEER_NAME']}, process ${process.pid}`
      }
    ]
  })
)
await server.connect(new StdioServerTransport())
