import { writeFileAtomic } from '../src/atomic-file.ts'

/** Replaces a file without end, each time with as many of the next letter; says after each that it is done. */
const [, , path = '', size = '0'] = process.argv
for (let i = 0; ; i++) {
  await writeFileAtomic(path, String.fromCodePoint(97 + (i % 26)).repeat(Number(size)))
  process.stdout.write('.')
}
