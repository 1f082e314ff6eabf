/** Header in which a node says which documents its local API speaks. */
export const fingerprintHeader = 'mesh-api'

/**
 * Short hash of the shapes of all documents of the local API. Two programs that have the same one agree on every type, so
 * that a client need not load the schemas to look at what it was sent: that takes longer than all else that a short
 * command does. A test says the value for changed schemas.
 */
export const apiFingerprint = '966654675a3ecba9'
