/** Loaded before a node's own code: writes once a second to a file how many bytes all sockets of the process have sent. */
import { writeFileSync } from 'node:fs'
import { Traffic } from './traffic.ts'

const file = process.env['TRAFFIC_FILE']
if (file !== undefined) {
  const traffic = new Traffic()
  traffic.start()
  setInterval(() => writeFileSync(file, String(traffic.bytes)), 1_000).unref()
}
