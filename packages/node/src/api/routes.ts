import { z } from 'zod'
import * as api from '@agent-mesh/wire/api'
import { limits } from '@agent-mesh/wire/limits'
import { policyRoutes } from './policy-routes.ts'
import { proxyRoutes } from './proxy-routes.ts'
import { route, type AnyRoute } from './route.ts'

const text = (most: number) => z.string().min(1).max(most)
const name = z.strictObject({ name: text(limits.nameLength) })
const id = z.strictObject({ id: text(256) })
const capability = z.strictObject({ capability: text(limits.capabilityLength) })
const address = z.strictObject({ address: text(256) })

/** What stands in the path of a tunnel. */
export const tunnelParams = z.strictObject({ target: text(256) })

/** What a tunnel is for, where its target names no service. */
export const tunnelQuery = z.strictObject({
  port: z.coerce.number().int().min(1).max(65_535).optional(),
  kind: text(16).optional()
})

/** Every route of the local API: the server, the OpenAPI document and the reference page are made from this table. */
export const routes: readonly AnyRoute[] = [
  route({
    method: 'GET',
    path: '/v1/status',
    operation: 'status',
    response: api.status,
    summary: 'Everything that this node knows of itself.',
    run: (node) => node.status()
  }),
  route({
    method: 'GET',
    path: '/v1/network',
    operation: 'network',
    response: api.networkInfo,
    summary: 'The network and the certificate of this node.',
    run: (node) => node.network()
  }),
  route({
    method: 'POST',
    path: '/v1/invites',
    operation: 'invite',
    response: api.inviteResponse,
    status: 201,
    summary: 'Makes a ticket with which another node joins the network.',
    body: api.inviteRequest,
    run: (node, { body }) => node.invite(body)
  }),
  ...policyRoutes,
  route({
    method: 'POST',
    path: '/v1/revocations',
    operation: 'revoke',
    response: api.revocation,
    status: 201,
    summary: 'Revokes a member, or one certificate of it, and puts it out everywhere.',
    body: api.revokeRequest,
    run: (node, { body }) => node.revoke(body)
  }),
  route({
    method: 'GET',
    path: '/v1/revocations',
    operation: 'revocations',
    response: api.revocationsResponse,
    summary: 'The revocations that this node holds.',
    run: (node) => ({ revocations: node.revocations() })
  }),
  route({
    method: 'POST',
    path: '/v1/certificates',
    operation: 'signCertificate',
    response: api.signResponse,
    status: 201,
    summary: 'Signs the request of a node that no member can reach.',
    body: api.signRequest,
    run: (node, { body }) => node.signCertificate(body)
  }),
  route({
    method: 'POST',
    path: '/v1/certificate/renewals',
    operation: 'renewCertificate',
    response: api.renewResponse,
    status: 201,
    summary: 'Renews the certificate of this node now.',
    run: (node) => node.renewCertificate()
  }),
  route({
    method: 'POST',
    path: '/v1/certificate/rotations',
    operation: 'rotateKey',
    response: api.rotateResponse,
    status: 201,
    summary: 'Gives this node another key under the same name; it goes on with it after a restart.',
    run: (node) => node.rotateKey()
  }),
  route({
    method: 'GET',
    path: '/v1/services',
    operation: 'services',
    response: api.servicesResponse,
    summary: 'The services that this node offers.',
    run: (node) => ({ services: node.services() })
  }),
  route({
    method: 'PUT',
    path: '/v1/services/{name}',
    operation: 'serve',
    response: api.serveResponse,
    summary: 'Offers a local endpoint to the network.',
    params: name,
    body: api.serveRequest,
    run: (node, { params, body }) => node.serve(params.name, body)
  }),
  route({
    method: 'DELETE',
    path: '/v1/services/{name}',
    operation: 'unserve',
    response: api.unserveResponse,
    summary: 'Withdraws a service.',
    params: name,
    run: async (node, { params }) => {
      await node.unserve(params.name)
      return { name: params.name }
    }
  }),
  route({
    method: 'POST',
    path: '/v1/publications',
    operation: 'publish',
    response: api.publishResponse,
    status: 201,
    summary: 'Publishes a capability, so that others find this agent by it.',
    body: api.publishRequest,
    run: (node, { body }) => node.publish(body)
  }),
  route({
    method: 'DELETE',
    path: '/v1/publications/{+capability}',
    operation: 'unpublish',
    response: api.publishResponse,
    summary: 'Withdraws a capability.',
    params: capability,
    run: (node, { params }) => node.unpublish(params.capability)
  }),
  route({
    method: 'POST',
    path: '/v1/find',
    operation: 'find',
    response: api.findResponse,
    summary: 'Finds agents by capability, name or peer id, best first.',
    body: api.findRequest,
    run: (node, { body }, options) => node.find(body, options)
  }),
  route({
    method: 'GET',
    path: '/v1/peers',
    operation: 'peers',
    response: api.peersResponse,
    summary: 'The members that this node knows, and how they are reached.',
    run: async (node) => ({ peers: await node.peers() })
  }),
  route({
    method: 'POST',
    path: '/v1/dial',
    operation: 'dial',
    response: api.dialResponse,
    summary: 'Connects to an agent and says how it is reached.',
    body: api.dialRequest,
    run: (node, { body }, options) => node.dial(body, options)
  }),
  route({
    method: 'POST',
    path: '/v1/ping',
    operation: 'ping',
    response: api.pingResponse,
    summary: 'Measures one round trip to an agent.',
    body: api.dialRequest,
    run: (node, { body }, options) => node.ping(body, options)
  }),
  route({
    method: 'POST',
    path: '/v1/mtu',
    operation: 'mtu',
    response: api.mtuResponse,
    summary: 'Looks for the largest packet on the path to an agent, and for black holes.',
    body: api.dialRequest,
    run: (node, { body }, options) => node.mtu(body, options)
  }),
  route({
    method: 'POST',
    path: '/v1/netcheck',
    operation: 'netcheck',
    response: api.netcheckResponse,
    summary: 'Looks at the network below the mesh: UDP, the kind of NAT, addresses, port mapping, relays.',
    run: (node, _input, options) => node.netcheck(options)
  }),
  route({
    method: 'POST',
    path: '/v1/why',
    operation: 'why',
    response: api.whyResponse,
    summary: 'Judges a target through every layer, and names the first that fails with what mends it.',
    body: api.whyRequest,
    run: (node, { body }, options) => node.why(body, options)
  }),
  route({
    method: 'GET',
    path: '/v1/forwards',
    operation: 'forwards',
    response: api.forwardsResponse,
    summary: 'The local addresses that lead to services of other agents.',
    run: (node) => ({ forwards: node.forwards() })
  }),
  route({
    method: 'POST',
    path: '/v1/forwards',
    operation: 'addForward',
    response: api.forward,
    status: 201,
    summary: 'Binds a local address that leads to a service of another agent.',
    body: api.forwardRequest,
    run: (node, { body }) => node.addForward(body)
  }),
  route({
    method: 'DELETE',
    path: '/v1/forwards/{id}',
    operation: 'removeForward',
    response: api.forward,
    summary: 'Closes a forward, named by its id or by its local address.',
    params: id,
    run: (node, { params }) => node.removeForward(params.id)
  }),
  ...proxyRoutes,
  route({
    method: 'GET',
    path: '/v1/whois',
    operation: 'whois',
    response: api.whoisResponse,
    summary: 'Which agent is behind a connection that a local service sees.',
    query: address,
    run: (node, { query }) => node.whois(query.address)
  }),
  route({
    method: 'GET',
    path: '/v1/vocabulary',
    operation: 'vocabulary',
    response: api.vocabulary,
    summary: 'Names, capabilities and addresses that this node has at hand, for the completion of a command line.',
    run: (node) => node.vocabulary()
  }),
  {
    kind: 'tunnel',
    method: 'GET',
    path: '/v1/tunnels/{target}',
    operation: 'connect',
    status: 101,
    params: tunnelParams,
    query: tunnelQuery,
    summary: 'With `Upgrade: mesh-tunnel`: one tunnel to a service, both directions in frames (DATA, FIN, RESET).'
  },
  {
    kind: 'events',
    method: 'GET',
    path: '/v1/events',
    operation: 'events',
    response: api.nodeEvent,
    summary: 'What happens on this node, as server-sent events.'
  },
  {
    kind: 'metrics',
    method: 'GET',
    path: '/metrics',
    operation: 'metrics',
    summary: 'Everything that this node counts, in the text format of Prometheus or, by Accept, of OpenMetrics.'
  },
  {
    kind: 'shutdown',
    method: 'POST',
    path: '/v1/shutdown',
    operation: 'shutdown',
    response: api.shutdownResponse,
    status: 202,
    summary: 'Stops the node: it says goodbye, lets open tunnels finish, and exits.'
  },
  {
    kind: 'openapi',
    method: 'GET',
    path: '/v1/openapi.json',
    operation: 'openapi',
    response: api.openApiResponse,
    summary: 'This description, as an OpenAPI 3.1 document.'
  }
]
