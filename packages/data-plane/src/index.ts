/** Moves bytes: tunnels between a caller and a service, the services' side, and the local doors. */
export * from './interfaces.ts'
