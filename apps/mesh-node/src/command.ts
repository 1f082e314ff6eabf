import type { Context } from './context.ts'
import type { Input } from './input.ts'

interface ArgumentDefinition {
  /** `<needed>`, `[optional]`. */
  name: string
  describe: string
}

export interface OptionDefinition {
  /** `-c, --count <number>`; without `<…>` it is a switch. */
  flags: string
  describe: string
  /** It may be given several times. */
  isRepeatable?: boolean
}

interface Example {
  command: string
  describe: string
}

/** One verb as data: the command line, the help and the reference page are made from it. */
export interface Command {
  /** As typed: `find`, `network create`. */
  command: string
  describe: string
  arguments?: ArgumentDefinition[]
  options?: OptionDefinition[]
  examples: Example[]
  /** For programs: it stands in no list. */
  isHidden?: boolean
  /** Does the work; whatever it throws becomes a message and an exit code. */
  handler: (input: Input, context: Context) => Promise<void>
}

/** What every verb takes. */
export const commonOptions: OptionDefinition[] = [
  {
    flags: '--state-dir <directory>',
    describe: 'state of the node; else $MESH_STATE_DIR, else mesh-node/default in $XDG_STATE_HOME'
  },
  { flags: '--json', describe: 'print one JSON document, and errors as JSON' }
]
