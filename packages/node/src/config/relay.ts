import { z } from 'zod'
import { limits } from '@agent-mesh/wire'
import { parseCarrier } from './carriers.ts'
import { size } from './size.ts'

const carrier = z.string().superRefine((text, context) => {
  try {
    parseCarrier(text)
  } catch (err) {
    context.addIssue({ code: 'custom', message: err instanceof Error ? err.message : 'it does not parse' })
  }
})

const count = (most: number) => z.number().int().min(0).max(most)

/** Relaying for other members, and being reached through them. */
export const relaySection = z
  .strictObject({
    serve: z
      .enum(['auto', 'on', 'off'])
      .default('auto')
      .describe(
        'Whether this node relays for members that nobody can dial. `auto`: where one of its addresses, bound or announced, is a public one.'
      ),
    use: z
      .enum(['auto', 'on', 'off'])
      .default('auto')
      .describe(
        'Whether this node holds places at relays, so that others reach it through them. `auto`: where none of its addresses is a public one.'
      ),
    places: count(limits.relaysPerNode).default(2).describe('Relays at which it holds a place at once.'),
    carriers: z
      .array(carrier)
      .max(limits.carrierAddresses)
      .default([])
      .describe(
        'Relays of other libp2p networks, by address and peer id, for members that no member with a public address can relay for. They see who calls whom and how much, and carry ciphertext within limits of their own.'
      ),
    reservations: count(limits.relayReservations)
      .default(limits.relayReservations)
      .describe('Members that it holds a place for.'),
    circuits: count(limits.relayCircuits)
      .default(limits.relayCircuits)
      .describe('Connections of others that it relays at once.'),
    circuits_per_member: count(limits.relayCircuits)
      .default(limits.relayCircuitsPerPeer)
      .describe('Those of them that one member opened.'),
    rate_per_member: size('16KiB', '64GiB')
      .prefault('16MiB')
      .describe('What it passes on of one member in a second; more has to wait.'),
    hourly_per_member: size('1MiB', '1000000GiB')
      .prefault('16GiB')
      .describe('What it passes on of one member in an hour; then its circuits are cut.')
  })
  .prefault({})
