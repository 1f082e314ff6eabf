import { allCommands } from '../../apps/mesh-node/dist/commands/index.js'
import { renderCommandReference } from '../../apps/mesh-node/dist/reference.js'
import { renderApi } from './api.ts'
import { renderConfig } from './config.ts'
import { renderErrors } from './errors.ts'
import { renderLimits } from './limits.ts'
import { renderMetrics } from './metrics.ts'
import { renderPolicy } from './policy.ts'

/** Every page of `docs/reference` that is made from code, by its name. */
export const renderPages = async (): Promise<Map<string, string>> =>
  new Map([
    ['commands.md', renderCommandReference(await allCommands())],
    ['config.md', renderConfig()],
    ['errors.md', renderErrors()],
    ['limits.md', renderLimits()],
    ['api.md', renderApi()],
    ['metrics.md', renderMetrics()],
    ['policy.md', renderPolicy()]
  ])
