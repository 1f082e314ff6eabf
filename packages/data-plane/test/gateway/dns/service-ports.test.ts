import { describe, expect, it } from 'vitest'
import { portsFor } from '../../../src/gateway/dns/service-ports.ts'

const web = { name: 'web', kind: 'http' }
const second = { name: 'second', kind: 'http' }
const ssh = { name: 'ssh', kind: 'ssh' }
const llm = { name: 'llm', kind: 'grpc' }
const db = { name: 'db', kind: 'tcp' }
const secure = { name: 'https', kind: 'tcp' }
const extra = [5_432, 6_379]

describe('the ports of a name', () => {
  it.each([
    ['an http service', [web], [80, 8_080]],
    ['a grpc service', [llm], [50_051]],
    ['a service of a kind without ports', [db], [5_432, 6_379]],
    ['a service called https', [secure], [443, 5_432, 6_379]],
    ['a program', [{ name: 'tools', kind: 'stdio' }], [5_432, 6_379]],
    ['several, where the port says which', [web, ssh, llm], [22, 80, 8_080, 50_051]],
    ['several, where no port says which', [web, second, ssh], [22]],
    ['several, of which one is called like its kind', [web, { name: 'http', kind: 'http' }], [80, 8_080]],
    ['several, of which one has no port', [web, db], [80, 8_080]],
    ['nothing', [], []]
  ])('that leads to %s', (_what, services, ports) => {
    expect(portsFor(services, { who: 'alice', isChosen: false, extra })).toEqual(ports)
  })

  it('that says the service are those of its kind, whatever else there is', () => {
    expect(portsFor([db], { who: 'alice', isChosen: true, extra })).toEqual(extra)
    expect(portsFor([web, second], { who: 'x/y', isChosen: true, extra })).toEqual([80, 8_080])
  })
})
