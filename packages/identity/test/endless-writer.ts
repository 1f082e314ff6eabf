import { writeFileAtomic } from '../src/atomic-file.ts'

/** Replaces a file without end, by as many `a` and `b` in turn; says after each that it is done. */
const [, , path = '', size = '0'] = process.argv
const contents = [Buffer.alloc(Number(size), 'a'), Buffer.alloc(Number(size), 'b')]
for (;;) {
  for (const content of contents) {
    await writeFileAtomic(path, content)
    process.stdout.write('.')
  }
}
