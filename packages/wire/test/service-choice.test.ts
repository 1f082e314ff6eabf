import { describe, expect, it } from 'vitest'
import { chooseService, type ServiceWish } from '@agent-mesh/wire'

const web = { name: 'web', kind: 'http' }
const admin = { name: 'admin', kind: 'http' }
const ssh = { name: 'ssh', kind: 'ssh' }
const words = { name: 'words', kind: 'grpc' }
const http = { name: 'http', kind: 'http' }
const secure = { name: 'https', kind: 'tcp' }
const raw = { name: 'raw', kind: 'tcp' }

type Wish = Omit<ServiceWish, 'who'>

describe('a host without a service means', () => {
  it.each<[string, Array<typeof web>, Wish, string]>([
    ['the only one, whatever the port', [ssh], { port: 80 }, 'ssh'],
    ['the only one without a port', [raw], {}, 'raw'],
    ['the http one on port 80', [ssh, web, words], { port: 80 }, 'web'],
    ['the http one on port 8080', [ssh, web, words], { port: 8080 }, 'web'],
    ['the http one where the request says http', [ssh, web], { port: 9000, kind: 'http' }, 'web'],
    ['the ssh one on port 22', [web, ssh], { port: 22 }, 'ssh'],
    ['the grpc one on port 50051', [web, words], { port: 50_051 }, 'words'],
    ['the one called like the kind of several', [web, admin, http], { port: 80 }, 'http'],
    ['the one called like the kind where none is of it', [secure, web], { port: 443 }, 'https']
  ])('%s', (_what, services, wish, expected) => {
    expect(chooseService(services, { who: 'alice', ...wish })).toBe(expected)
  })

  it.each<[string, Array<typeof web>, Wish]>([
    ['two http ones on port 80', [web, admin], { port: 80 }],
    ['no http one among two on port 80', [ssh, raw], { port: 80 }],
    ['a port that says nothing', [web, ssh], { port: 12_345 }],
    ['port 443, for the mesh encrypts by itself', [web, ssh], { port: 443 }],
    ['no port at all', [web, ssh], {}]
  ])('nothing where there is %s, and the error lists them', (_what, services, wish) => {
    expect(() => chooseService(services, { who: 'alice', ...wish })).toThrow(
      expect.objectContaining({
        code: 'TARGET_INVALID',
        hint: `Write the service in front: ${services[0]?.name ?? ''}.alice.mesh`,
        details: { services: services.map((one) => one.name) }
      })
    )
  })

  it('nothing where the agent offers none', () => {
    expect(() => chooseService([], { who: 'alice' })).toThrow(expect.objectContaining({ code: 'SERVICE_UNKNOWN' }))
  })
})
