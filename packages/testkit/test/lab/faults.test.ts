import { expect, test } from 'vitest'
import { faultRules, wallRules } from '../../src/lab/faults.ts'

test('each direction of a cable has its own loss', () => {
  const rules = faultRules('port3', { lossOut: 0.02 })
  expect(rules).toContain('add chain netdev faults-port3 out { type filter hook ingress device port3 priority 0; }')
  expect(rules).toContain('add rule netdev faults-port3 out numgen random mod 100000 < 2000 drop')
  expect(rules).not.toContain('hook egress')
})

test('what is blocked or too large vanishes in both directions', () => {
  const rules = faultRules('port3', { blocked: ['udp'], largestBytes: 1_280 }).split('\n')
  for (const chain of ['in', 'out']) {
    expect(rules).toContain(`add rule netdev faults-port3 ${chain} ip protocol udp drop`)
    expect(rules).toContain(`add rule netdev faults-port3 ${chain} ip length > 1280 drop`)
  }
})

test('without faults nothing is left of those before', () => {
  expect(faultRules('port3', {}).split('\n')).toEqual([
    'add table netdev faults-port3',
    'delete table netdev faults-port3',
    'add table netdev faults-port3'
  ])
})

test('a wall stands one way, and ARP passes', () => {
  const rules = wallRules([['port1', 'port2']])
  expect(rules).toContain('iifname port1 oifname port2 ether type != arp drop')
  expect(rules).not.toContain('iifname port2')
})
