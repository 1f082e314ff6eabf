/** A guard is run whole by `npm run guard -- <name> --full`, otherwise in a form that is short enough for every change. */
export const isFull = process.env['MESH_GUARD_FORM'] === 'full'

export const inForm = <T>({ short, full }: { short: T; full: T }): T => (isFull ? full : short)
