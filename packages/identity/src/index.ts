/**
 * Who is who and who may: keys, certificates, invitations, signed envelopes. Pure, apart from the key store and the
 * atomic file on disk.
 */
export * from './atomic-file.ts'
export * from './certificate-text.ts'
export * from './certificate.ts'
export * from './envelope.ts'
export * from './invite.ts'
export * from './issuer.ts'
export * from './key-store.ts'
export * from './network.ts'
export * from './peer-id.ts'
export * from './policy/index.ts'
export * from './renewal.ts'
export * from './revocation/revocation.ts'
export * from './revocation/revocation-set.ts'
export * from './revocation/succession.ts'
export * from './seal.ts'
export * from './ticket.ts'
