/**
 * The largest packet that passes, to the byte.
 * @param least - bytes that pass on every path of today
 * @param most - of the link of this machine: nothing larger leaves it in one piece
 * @param passes - whether a packet of so many bytes passes; asked for some ten sizes
 * @returns undefined where not even the least passes
 */
export const searchMtu = async (
  least: number,
  most: number,
  passes: (bytes: number) => Promise<boolean>
): Promise<number | undefined> => {
  if (await passes(most)) return most
  if (!(await passes(least))) return undefined
  let [passing, failing] = [least, most]
  while (failing - passing > 1) {
    const middle = Math.floor((passing + failing) / 2)
    if (await passes(middle)) passing = middle
    else failing = middle
  }
  return passing
}
