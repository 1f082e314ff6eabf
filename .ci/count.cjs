// Reads the reports of vitest in a folder and the results of the stages, prints what failed and what was skipped, and
// ends with the one line that sums it up. Plain JavaScript for the oldest Node that may start the pipeline.
const { existsSync, readdirSync, readFileSync } = require('node:fs')
const { join } = require('node:path')

const [folder, stagesFile, allowedFile] = process.argv.slice(2)

const allowed = readFileSync(allowedFile, 'utf8')
  .split('\n')
  .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  .map((line) => {
    const [name, reason] = line.split(' # ')
    if (reason === undefined) throw new Error(`${allowedFile}: "${line}" has no reason`)
    return { name: name.trim(), reason: reason.trim() }
  })

/** With the beginning of why: of a long log, its end alone is often all that is kept. */
const withReason = (name, message = '') => {
  const text = message.replace(/\s+/g, ' ').trim().slice(0, 300)
  return text === '' ? name : `${name}: ${text}`
}

const total = { passed: 0, failed: 0, skipped: 0 }
const failures = []
const skips = []
const unexplained = []

for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const report = JSON.parse(readFileSync(join(folder, file), 'utf8'))
  for (const suite of report.testResults) {
    let failed = 0
    for (const { status, fullName, failureMessages = [] } of suite.assertionResults) {
      if (status === 'passed') total.passed += 1
      else if (status === 'failed') {
        failed += 1
        failures.push(withReason(fullName, failureMessages[0]))
      } else {
        total.skipped += 1
        const reason = allowed.find(({ name }) => fullName.includes(name))?.reason
        skips.push(`${fullName}: ${reason ?? 'no reason is given'}`)
        if (reason === undefined) unexplained.push(fullName)
      }
    }
    // A file that does not load, or whose set-up fails, has no failed test of its own.
    if (suite.status === 'failed' && failed === 0) {
      failed = 1
      failures.push(withReason(suite.name, suite.message))
    }
    total.failed += failed
  }
}

console.log('\nstage            result   seconds')
for (const line of readFileSync(stagesFile, 'utf8').trim().split('\n')) {
  const [name, code, seconds, report] = line.split(' ')
  const isMissing = report !== '-' && !existsSync(join(folder, report))
  const isPassed = code === '0' && !isMissing
  total[isPassed ? 'passed' : 'failed'] += 1
  if (!isPassed) failures.push(`stage ${name}: ${isMissing ? 'it left no test report' : `exit code ${code}`}`)
  console.log(`${name.padEnd(16)} ${(isPassed ? 'passed' : 'FAILED').padEnd(8)} ${seconds.padStart(7)}`)
}
for (const failure of failures) console.log(`failed: ${failure}`)
for (const skip of skips) console.log(`skipped: ${skip}`)
if (unexplained.length > 0) console.log(`skipped without a reason in ${allowedFile}: ${unexplained.length}`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed > 0 || unexplained.length > 0 ? 1 : 0
