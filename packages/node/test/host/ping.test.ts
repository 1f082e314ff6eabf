import { expect, it } from 'vitest'
import { pingArguments, readPing } from '../../src/host/ping.ts'

const statistics = '1 packets transmitted, 0 received, 100% packet loss, time 0ms'

it('asks for a packet of a size with its headers, which nobody may take apart', () => {
  expect(pingArguments('192.0.2.1', 1_500, 400)).toEqual([
    '-n',
    '-M',
    'do',
    '-c',
    '3',
    '-i',
    '0.2',
    '-W',
    '0.40',
    '-s',
    '1472',
    '192.0.2.1'
  ])
  expect(pingArguments('2001:db8::1', 1_280, 1_000).slice(-2)).toEqual(['1232', '2001:db8::1'])
})

it('tells an answer from silence, from what is too large, and from a ping that cannot be used', () => {
  const answer = '1480 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.113 ms'
  expect(readPing({ code: 0, stdout: answer, stderr: '' })).toEqual({ state: 'answered', rttMs: 0.113 })
  expect(readPing({ code: 1, stdout: statistics, stderr: '' })).toEqual({ state: 'silent' })
  const tooLong = 'ping: local error: message too long, mtu=1280'
  expect(readPing({ code: 1, stdout: '', stderr: tooLong })).toEqual({ state: 'silent' })
  expect(readPing({ code: undefined, stdout: '', stderr: '' })).toMatchObject({ state: 'unable' })
  const busybox = "ping: invalid option -- 'M'\nBusyBox v1.36.1 multi-call binary."
  expect(readPing({ code: 1, stdout: '', stderr: busybox })).toEqual({
    state: 'unable',
    reason: "ping cannot be used: ping: invalid option -- 'M'"
  })
  expect(readPing({ code: 2, stdout: '', stderr: 'ping: socket: Operation not permitted' })).toMatchObject({
    state: 'unable'
  })
})
