import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import { MeshError } from '@agent-mesh/wire'
import { abortedError, deadline, firstOf } from '../../src/discovery/deadline.ts'

const codeOf = (reason: unknown): string => abortedError(AbortSignal.abort(reason), 'It').code

describe('a deadline', () => {
  it('made of measured times need not be a whole number of milliseconds', async () => {
    const signal = deadline(0.25)
    await once(signal, 'abort')
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' })
  })

  it('that nobody listens to fires all the same after its timer would have been collected', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage: unknown = runInNewContext('gc')
    if (typeof collectGarbage !== 'function') throw new Error('there is no gc')
    const signals = [deadline(50), deadline(10_000, deadline(50)), firstOf(AbortSignal.timeout(50), undefined)]
    await vi.waitFor(() => {
      collectGarbage()
      expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true])
    })
  })

  it('tells apart time, caller and cause', () => {
    expect(codeOf(new DOMException('late', 'TimeoutError'))).toBe('TIMEOUT')
    expect(codeOf(undefined)).toBe('CANCELLED')
    expect(codeOf(new MeshError('SHUTTING_DOWN'))).toBe('SHUTTING_DOWN')
  })
})
