#!/usr/bin/env node
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `mesh-node: Node ${process.versions.node} is too old; 22.19 or newer is needed.\n  layer: usage (USAGE)\n  next: install a newer Node, see https://nodejs.org\n`
  )
  process.exitCode = 2
} else {
  const { startSmall } = await import('../dist/young-generation.js')
  startSmall()
  await import('../dist/main.js')
}
