/**
 * Absolute paths that exist on one machine only: home folders, and the folders that containers and hosted editors
 * check projects out to. Written in parts, so that this file does not find itself.
 */
const homes = ['home', 'Users', 'root', 'work', 'workspace', 'workspaces']
const unix = new RegExp(String.raw`(?<![\w.~@:/-])/(?:${homes.join('|')})/[\w.-]`)
const windows = /\b[A-Za-z]:\\(?:Users|Documents)\\/

/** Lines of a text that name a path of somebody's machine. */
export const findMachinePaths = (
  text: string,
  alsoThese: readonly string[] = []
): Array<{ line: number; text: string }> =>
  text.split('\n').flatMap((line, index) => {
    const isFound = unix.test(line) || windows.test(line) || alsoThese.some((path) => line.includes(path))
    return isFound ? [{ line: index + 1, text: line.trim().slice(0, 160) }] : []
  })
