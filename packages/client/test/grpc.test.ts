import { expect, it } from 'vitest'
import { createClient } from '@agent-mesh/client'
import { grpcChannel } from '@agent-mesh/client/grpc'

it('a channel asks the socket of the node for the host and the port', () => {
  const client = createClient({ socketPath: '/run/mesh/api.sock' })
  expect(grpcChannel(client, 'words.alice.mesh')).toEqual({
    target: 'unix:/run/mesh/api.sock',
    options: {
      'grpc.http_connect_target': 'dns:words.alice.mesh:50051',
      'grpc.default_authority': 'words.alice.mesh'
    }
  })
  expect(grpcChannel(client, 'alice.mesh', 80).options['grpc.http_connect_target']).toBe('dns:alice.mesh:80')
})

it('a client finds the node of a state directory, and that of its user', () => {
  expect(createClient({ stateDir: '/srv/agent' }).socketPath).toBe('/srv/agent/api.sock')
  const before = process.env['MESH_STATE_DIR']
  process.env['MESH_STATE_DIR'] = '/srv/another'
  expect(createClient().socketPath).toBe('/srv/another/api.sock')
  if (before === undefined) delete process.env['MESH_STATE_DIR']
  else process.env['MESH_STATE_DIR'] = before
})
