import { readdir } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { openUdp } from '../../src/host/udp.ts'

const loopback = { host: '127.0.0.1', port: 0 }

const descriptors = async (): Promise<number> => (await readdir('/proc/self/fd')).length

it('loses what goes to an address that no datagram can go to, and sends the next one', async () => {
  // A datagram may come from port 0, and whoever answers it must not fall over.
  const [sender, reader] = [await openUdp(loopback), await openUdp(loopback)]
  try {
    sender.send(Uint8Array.of(1), { host: '127.0.0.1', port: 0 })
    sender.send(Uint8Array.of(1), { host: '127.0.0.1', port: 65_536 })
    const arrived = Promise.withResolvers<Uint8Array>()
    reader.onDatagram(arrived.resolve)
    sender.send(Uint8Array.of(2), reader.local)
    expect([...(await arrived.promise)]).toEqual([2])
  } finally {
    await Promise.all([sender.close(), reader.close()])
  }
})

it('loses what is sent after the end', async () => {
  const socket = await openUdp(loopback)
  await socket.close()
  socket.send(Uint8Array.of(1), { host: '127.0.0.1', port: 9 })
})

it.runIf(process.platform === 'linux')('leaves no descriptor behind where the port is taken', async () => {
  const holder = await openUdp(loopback)
  try {
    await expect(openUdp(holder.local)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    const before = await descriptors()
    for (let count = 0; count < 20; count++) await openUdp(holder.local).catch(() => undefined)
    expect(await descriptors()).toBeLessThan(before + 10)
  } finally {
    await holder.close()
  }
})
