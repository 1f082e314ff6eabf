import { describe, expect, it } from 'vitest'
import {
  errorKinds,
  fromWireCode,
  isErrorCode,
  MeshError,
  toMeshError,
  toWireCode,
  type ErrorCode
} from '@agent-mesh/wire'

const codes = Object.keys(errorKinds).filter(isErrorCode)

describe('the table of errors', () => {
  it('gives every code its own number, and never 0, which is "ok"', () => {
    const numbers = codes.map(toWireCode)
    expect(codes.length).toBeGreaterThan(50)
    expect(new Set(numbers).size).toBe(codes.length)
    for (const number of numbers) expect(Number.isInteger(number) && number > 0 && number <= 0xffffffff).toBe(true)
  })

  it.each(codes)('%s comes back from the wire', (code) => {
    expect(fromWireCode(toWireCode(code))).toBe(code)
  })

  it.each(codes)('%s has an exit code, a meaning and a remedy', (code) => {
    const { exit, layer, meaning, remedy } = errorKinds[code]
    expect([1, 2, 3, 4, 5]).toContain(exit)
    expect(layer).not.toBe('')
    expect(meaning).toMatch(/^[A-Z].*\.$/)
    expect(remedy.trim()).not.toBe('')
    expect(code).toMatch(/^[A-Z][A-Z_]*[A-Z]$/)
  })

  it('covers each exit code', () => {
    expect(new Set(codes.map((code) => errorKinds[code].exit))).toEqual(new Set([1, 2, 3, 4, 5]))
  })

  it('takes a number of a newer version for INTERNAL', () => {
    for (const number of [0, -1, 9_999, 0xffffffff, Number.NaN, 1.5]) expect(fromWireCode(number)).toBe('INTERNAL')
  })

  it('knows its codes, and nothing that every object has', () => {
    expect(isErrorCode('TIMEOUT')).toBe(true)
    for (const text of ['', 'timeout', 'constructor', '__proto__', 'toString']) expect(isErrorCode(text)).toBe(false)
  })
})

describe('a mesh error', () => {
  it('says what the table says where nothing more exact is given', () => {
    const err = new MeshError('NO_DAEMON')
    expect(err.message).toBe(errorKinds.NO_DAEMON.meaning)
    expect(err.hint).toBe('mesh-node up')
    expect(err).toMatchObject({ name: 'MeshError', layer: 'api', exitCode: 4, details: {} })
    expect('cause' in err).toBe(false)
  })

  it('keeps message, hint, cause and details', () => {
    const cause = new Error('below')
    const err = new MeshError('TIMEOUT', 'It took 5 s.', { cause, hint: 'wait', details: { ms: 5_000 } })
    expect(err).toMatchObject({ message: 'It took 5 s.', hint: 'wait', cause, details: { ms: 5_000 } })
  })

  it('wraps whatever was thrown, and itself not at all', () => {
    const mesh = new MeshError('DENIED')
    expect(toMeshError(mesh)).toBe(mesh)
    const error = new RangeError('no')
    expect(toMeshError(error)).toMatchObject({ code: 'INTERNAL', message: 'no', cause: error })
    const code: ErrorCode = 'UNREACHABLE'
    expect(toMeshError('text', code)).toMatchObject({ code, message: 'text' })
    expect(toMeshError(undefined)).toMatchObject({ code: 'INTERNAL', message: 'undefined' })
  })
})
