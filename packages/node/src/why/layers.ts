import type { WhyLayer } from './layer.ts'
import { addresses } from './layers/addresses.ts'
import { allow } from './layers/allow.ts'
import { certificate } from './layers/certificate.ts'
import { health } from './layers/health.ts'
import { name } from './layers/name.ts'
import { path } from './layers/path.ts'
import { policy } from './layers/policy.ts'
import { record } from './layers/record.ts'
import { revocation } from './layers/revocation.ts'
import { service } from './layers/service.ts'
import { upstream } from './layers/upstream.ts'

/** Every layer between a caller and a service, in any order. A layer is added here and in `docs/explanation/why.md`. */
const registered: readonly WhyLayer[] = [
  name,
  record,
  certificate,
  revocation,
  policy,
  health,
  addresses,
  path,
  service,
  allow,
  upstream
]

/** In the order in which they are judged. */
export const whyLayers: readonly WhyLayer[] = registered.toSorted((a, b) => a.order - b.order)
