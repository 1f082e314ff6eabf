/**
 * Bytes: every message and the tunnel frame, protocol ids, error codes, names and every limit.
 * Pure: no libp2p, no sockets, no files.
 */
export * from './capability.ts'
export * from './decode.ts'
export * from './edit-distance.ts'
export * from './errors.ts'
export * from './frame/decoder.ts'
export * from './frame/framed-duplex.ts'
export * from './frame/header.ts'
export * from './host-name.ts'
export * from './limits.ts'
export * from './name.ts'
export * from './protocols.ts'
export * from './quote.ts'
export * from './service-choice.ts'
export * from './target.ts'
export * from './messages.ts'
