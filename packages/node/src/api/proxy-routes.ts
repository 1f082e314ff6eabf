import { z } from 'zod'
import * as api from '@agent-mesh/wire/api'
import { route, type AnyRoute } from './route.ts'

const id = z.strictObject({ id: z.string().min(1).max(256) })

export const proxyRoutes: readonly AnyRoute[] = [
  route({
    method: 'GET',
    path: '/v1/proxies',
    operation: 'proxies',
    response: api.proxiesResponse,
    summary: 'The local proxies through which programs reach agents by name.',
    run: (node) => ({ proxies: node.proxies() })
  }),
  route({
    method: 'POST',
    path: '/v1/proxies',
    operation: 'addProxy',
    response: api.proxy,
    status: 201,
    summary: 'Opens a SOCKS5 or HTTP proxy.',
    body: api.proxyRequest,
    run: (node, { body }) => node.addProxy(body)
  }),
  route({
    method: 'DELETE',
    path: '/v1/proxies/{id}',
    operation: 'removeProxy',
    response: api.proxy,
    summary: 'Closes a proxy, named by its id or by its local address.',
    params: id,
    run: (node, { params }) => node.removeProxy(params.id)
  })
]
