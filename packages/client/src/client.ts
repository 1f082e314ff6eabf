import type * as Api from '@agent-mesh/wire/api'
import {
  isOfSameApi,
  open,
  readAnswer,
  readText,
  responseOf,
  withDeadline,
  type Call,
  type CallOptions,
  type Endpoint
} from './call.ts'
import { connectTunnel, type ConnectOptions, type Tunnel } from './connect.ts'
import { readEvents } from './events.ts'
import { locateSocket } from './locate.ts'
import { validate, type PickSchema } from './validate.ts'

export interface ClientOptions {
  /** State directory of the node. Default: `$MESH_STATE_DIR`, else `mesh-node/default` where XDG keeps state. */
  stateDir?: string
  /** Unix socket of the node, where it is known: the state directory is then not looked at. */
  socketPath?: string
  /** Longest wait for an answer. The node has its own, shorter deadlines: this one is for a node that hangs. */
  timeoutMs?: number
}

/** One method per route. Each rejects with a MeshError: that of the node, or NO_DAEMON, TIMEOUT, API_UNREADABLE. */
export interface Client {
  /** Where the node listens. */
  readonly socketPath: string
  status: (options?: CallOptions) => Promise<Api.Status>
  network: (options?: CallOptions) => Promise<Api.NetworkInfo>
  invite: (request?: Api.InviteRequest, options?: CallOptions) => Promise<Api.InviteResponse>
  revoke: (request: Api.RevokeRequest, options?: CallOptions) => Promise<Api.RevocationDocument>
  revocations: (options?: CallOptions) => Promise<Api.RevocationDocument[]>
  signCertificate: (request: Api.SignRequest, options?: CallOptions) => Promise<Api.SignResponse>
  renewCertificate: (options?: CallOptions) => Promise<Api.RenewResponse>
  rotateKey: (options?: CallOptions) => Promise<Api.RotateResponse>
  services: (options?: CallOptions) => Promise<Api.ServiceDocument[]>
  policy: (options?: CallOptions) => Promise<Api.PolicyDocument>
  pushPolicy: (request: Api.PolicyRequest, options?: CallOptions) => Promise<Api.PolicyPushResponse>
  checkPolicy: (request: Api.PolicyRequest, options?: CallOptions) => Promise<Api.PolicyCheckResponse>
  signPolicy: (request: Api.PolicyRequest, options?: CallOptions) => Promise<Api.PolicySignResponse>
  policyStatus: (options?: CallOptions) => Promise<Api.PolicyStatusDocument>
  serve: (name: string, request: Api.ServeRequest, options?: CallOptions) => Promise<Api.ServeResponse>
  unserve: (name: string, options?: CallOptions) => Promise<Api.UnserveResponse>
  publish: (request: Api.PublishRequest, options?: CallOptions) => Promise<Api.PublishResponse>
  unpublish: (capability: string, options?: CallOptions) => Promise<Api.PublishResponse>
  find: (request: Api.FindRequest, options?: CallOptions) => Promise<Api.FindResponse>
  peers: (options?: CallOptions) => Promise<Api.PeerDocument[]>
  dial: (request: Api.DialRequest, options?: CallOptions) => Promise<Api.DialResponse>
  ping: (request: Api.DialRequest, options?: CallOptions) => Promise<Api.PingResponse>
  /** The largest packet on the path to an agent. */
  mtu: (request: Api.DialRequest, options?: CallOptions) => Promise<Api.MtuResponse>
  netcheck: (options?: CallOptions) => Promise<Api.NetcheckResponse>
  why: (request: Api.WhyRequest, options?: CallOptions) => Promise<Api.WhyResponse>
  forwards: (options?: CallOptions) => Promise<Api.ForwardDocument[]>
  addForward: (request: Api.ForwardRequest, options?: CallOptions) => Promise<Api.ForwardDocument>
  /** @param idOrListen - id or local address */
  removeForward: (idOrListen: string, options?: CallOptions) => Promise<Api.ForwardDocument>
  proxies: (options?: CallOptions) => Promise<Api.ProxyDocument[]>
  addProxy: (request: Api.ProxyRequest, options?: CallOptions) => Promise<Api.ProxyDocument>
  /** @param idOrListen - id or local address */
  removeProxy: (idOrListen: string, options?: CallOptions) => Promise<Api.ProxyDocument>
  /** @param address - remote address that a local service sees, `host:port` */
  whois: (address: string, options?: CallOptions) => Promise<Api.WhoisResponse>
  /** Resolves when the node begins to stop; it is gone when `status` rejects with NO_DAEMON. */
  shutdown: (options?: CallOptions) => Promise<Api.ShutdownResponse>
  /** In the text format of Prometheus. */
  metrics: (options?: CallOptions) => Promise<string>
  openapi: (options?: CallOptions) => Promise<Record<string, unknown>>
  /** Words that a command line may hold. */
  vocabulary: (options?: CallOptions) => Promise<Api.Vocabulary>
  /**
   * @param target - `<name>/<service>`, `<peer id>/<service>`, `cap:<path>` or a host name of the mesh; the service may be
   * left out where the options say what the tunnel is for
   */
  connect: (target: string, options?: ConnectOptions) => Promise<Tunnel>
  events: (options?: CallOptions) => AsyncGenerator<Api.NodeEvent>
}

const part = encodeURIComponent

/** A client of the node on a socket. It holds no connection between calls, so there is nothing to close. */
export const createClient = ({
  stateDir,
  socketPath = locateSocket(stateDir),
  timeoutMs = 75_000
}: ClientOptions = {}): Client => {
  const endpoint: Endpoint = { socketPath, timeoutMs }
  const ask = async <T>(call: Call, pick: PickSchema<T>, { signal }: CallOptions = {}): Promise<T> => {
    const { answer, isTrusted } = await withDeadline(endpoint, call, { signal, timeoutMs }, async (either) => {
      const response = await responseOf(open(endpoint, call), either)
      return { answer: await readAnswer(response), isTrusted: isOfSameApi(response) }
    })
    return validate(answer, pick, isTrusted)
  }
  return {
    socketPath,
    status: (options) => ask({ method: 'GET', path: '/v1/status' }, (api) => api.status, options),
    network: (options) => ask({ method: 'GET', path: '/v1/network' }, (api) => api.networkInfo, options),
    invite: (body = {}, options) =>
      ask({ method: 'POST', path: '/v1/invites', body }, (api) => api.inviteResponse, options),
    revoke: (body, options) => ask({ method: 'POST', path: '/v1/revocations', body }, (api) => api.revocation, options),
    revocations: async (options) =>
      (await ask({ method: 'GET', path: '/v1/revocations' }, (api) => api.revocationsResponse, options)).revocations,
    signCertificate: (body, options) =>
      ask({ method: 'POST', path: '/v1/certificates', body }, (api) => api.signResponse, options),
    renewCertificate: (options) =>
      ask({ method: 'POST', path: '/v1/certificate/renewals' }, (api) => api.renewResponse, options),
    rotateKey: (options) =>
      ask({ method: 'POST', path: '/v1/certificate/rotations' }, (api) => api.rotateResponse, options),
    services: async (options) =>
      (await ask({ method: 'GET', path: '/v1/services' }, (api) => api.servicesResponse, options)).services,
    policy: (options) => ask({ method: 'GET', path: '/v1/policy' }, (api) => api.policyDocument, options),
    pushPolicy: (body, options) =>
      ask({ method: 'PUT', path: '/v1/policy', body }, (api) => api.policyPushResponse, options),
    checkPolicy: (body, options) =>
      ask({ method: 'POST', path: '/v1/policy/check', body }, (api) => api.policyCheckResponse, options),
    signPolicy: (body, options) =>
      ask({ method: 'POST', path: '/v1/policy/sign', body }, (api) => api.policySignResponse, options),
    policyStatus: (options) => ask({ method: 'GET', path: '/v1/policy/status' }, (api) => api.policyStatus, options),
    serve: (name, body, options) =>
      ask({ method: 'PUT', path: `/v1/services/${part(name)}`, body }, (api) => api.serveResponse, options),
    unserve: (name, options) =>
      ask({ method: 'DELETE', path: `/v1/services/${part(name)}` }, (api) => api.unserveResponse, options),
    publish: (body, options) =>
      ask({ method: 'POST', path: '/v1/publications', body }, (api) => api.publishResponse, options),
    unpublish: (capability, options) =>
      ask(
        { method: 'DELETE', path: `/v1/publications/${capability.split('/').map(part).join('/')}` },
        (api) => api.publishResponse,
        options
      ),
    find: (body, options) => ask({ method: 'POST', path: '/v1/find', body }, (api) => api.findResponse, options),
    peers: async (options) =>
      (await ask({ method: 'GET', path: '/v1/peers' }, (api) => api.peersResponse, options)).peers,
    dial: (body, options) => ask({ method: 'POST', path: '/v1/dial', body }, (api) => api.dialResponse, options),
    ping: (body, options) => ask({ method: 'POST', path: '/v1/ping', body }, (api) => api.pingResponse, options),
    mtu: (body, options) => ask({ method: 'POST', path: '/v1/mtu', body }, (api) => api.mtuResponse, options),
    netcheck: (options) => ask({ method: 'POST', path: '/v1/netcheck' }, (api) => api.netcheckResponse, options),
    why: (body, options) => ask({ method: 'POST', path: '/v1/why', body }, (api) => api.whyResponse, options),
    forwards: async (options) =>
      (await ask({ method: 'GET', path: '/v1/forwards' }, (api) => api.forwardsResponse, options)).forwards,
    addForward: (body, options) => ask({ method: 'POST', path: '/v1/forwards', body }, (api) => api.forward, options),
    removeForward: (id, options) =>
      ask({ method: 'DELETE', path: `/v1/forwards/${part(id)}` }, (api) => api.forward, options),
    proxies: async (options) =>
      (await ask({ method: 'GET', path: '/v1/proxies' }, (api) => api.proxiesResponse, options)).proxies,
    addProxy: (body, options) => ask({ method: 'POST', path: '/v1/proxies', body }, (api) => api.proxy, options),
    removeProxy: (id, options) =>
      ask({ method: 'DELETE', path: `/v1/proxies/${part(id)}` }, (api) => api.proxy, options),
    whois: (address, options) =>
      ask({ method: 'GET', path: `/v1/whois?address=${part(address)}` }, (api) => api.whoisResponse, options),
    shutdown: (options) => ask({ method: 'POST', path: '/v1/shutdown' }, (api) => api.shutdownResponse, options),
    metrics: async ({ signal } = {}) => {
      const call: Call = { method: 'GET', path: '/metrics' }
      return withDeadline(endpoint, call, { signal, timeoutMs }, async (either) =>
        readText(await responseOf(open(endpoint, call), either))
      )
    },
    openapi: (options) => ask({ method: 'GET', path: '/v1/openapi.json' }, (api) => api.openApiResponse, options),
    vocabulary: (options) => ask({ method: 'GET', path: '/v1/vocabulary' }, (api) => api.vocabulary, options),
    connect: (target, options = {}) => connectTunnel(endpoint, target, options),
    events: (options = {}) => readEvents(endpoint, options)
  }
}
