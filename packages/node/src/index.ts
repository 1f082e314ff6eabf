/**
 * Composition root: a mesh node in this process. The command runs one; other programs may embed one.
 *
 * @example
 * ```ts
 * const directory = await openStateDir('/var/lib/agent')
 * await createNetwork(directory, { name: 'alice' })
 * const node = await startNode(directory, { flags: {}, env: process.env, logger: pino() })
 * await node.serve('web', { address: 'http://127.0.0.1:8000', capabilities: ['language_processing/translation'] })
 * await node.stop()
 * ```
 */
export { startApi, type ApiServer } from './api/server.ts'
export { configReference, type SettingReference } from './config/reference.ts'
export type { Flags } from './config/load.ts'
export { startNode, type Ready, type RunningNode, type StartOptions } from './daemon/start-node.ts'
export type { Host } from './host/create-host.ts'
export type { LocalNode } from './local-node.ts'
export { createNetwork, showNetwork } from './network/create-network.ts'
export { joinNetwork, type JoinOptions } from './network/join-network.ts'
export { leaveNetwork } from './network/leave-network.ts'
export { importCertificate, requestCertificate, signCertificate } from './network/offline-certificate.ts'
export { exportRootKey, importRootKey, removeRootKey } from './network/root-key.ts'
export { loadCredentials, saveMembership } from './state/credentials.ts'
export { emptyVerbState, stateFiles, type StateFiles } from './state/documents.ts'
export { defaultStateDir, openStateDir, type StateDir } from './state/state-dir.ts'
export { version } from './version.ts'
