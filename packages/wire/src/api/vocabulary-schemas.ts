import { z } from 'zod'

/** Words that a command line may hold, as this node knows them; for shells. */
export const vocabulary = z.object({
  members: z.array(z.object({ peerId: z.string(), name: z.string() })),
  groups: z.array(z.string()),
  /** Paths in use, with what they are a part of. */
  capabilities: z.array(z.string()),
  /** Of this node. */
  services: z.array(z.string()),
  /** `<name>/<service>` of other agents. */
  targets: z.array(z.string()),
  /** Local addresses. */
  forwards: z.array(z.string())
})

export type Vocabulary = z.infer<typeof vocabulary>
