/**
 * A node of the mesh in this process. `startAgent` is what a program embeds, and what stays as it is; the rest is there
 * for the command and for tests.
 *
 * @example
 * ```ts
 * const agent = await startAgent({ stateDir: '/var/lib/agent', name: 'bob', ticket: process.env['MESH_TICKET'] })
 * await agent.serve('web', (request, response) => response.end(`hello, ${request.headers['mesh-peer-name']}`), {
 *   capabilities: ['language_processing/translation']
 * })
 * const { tunnel, peerId } = await agent.connect('alice/echo')
 * await agent.close()
 * ```
 */
export { startAgent, type Agent, type AgentOptions, type AgentServiceOptions } from './embed/agent.ts'
export type { Handler, HttpHandler } from './embed/handler-door.ts'
export type { Connected, ConnectOptions, LocalNode } from './local-node.ts'
export { startApi, type ApiServer } from './api/server.ts'
export { configReference, type SettingReference } from './config/reference.ts'
export type { Flags } from './config/load.ts'
export { startNode, type Ready, type RunningNode, type StartOptions } from './daemon/start-node.ts'
export type { Host } from './host/create-host.ts'
export { createNetwork, showNetwork } from './network/create-network.ts'
export { joinNetwork, type JoinedNetwork, type JoinOptions } from './network/join-network.ts'
export { leaveNetwork } from './network/leave-network.ts'
export { importCertificate, requestCertificate, signCertificate } from './network/offline-certificate.ts'
export { exportRootKey, importRootKey, removeRootKey } from './network/root-key.ts'
export { loadCredentials, saveMembership } from './state/credentials.ts'
export { emptyVerbState, stateFiles, type StateFiles } from './state/documents.ts'
export { defaultStateDir, openStateDir, type StateDir } from './state/state-dir.ts'
export { version } from './version.ts'
