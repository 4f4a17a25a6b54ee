/**
 * Orders names as people number them: `img2` before `img10`. Text is compared by code unit, so that the order, and with
 * it every sample's index, is the same in every language setting.
 */
export function compareNatural(a: string, b: string): number {
  const partsA = a.match(/\d+|\D+/g) ?? []
  const partsB = b.match(/\d+|\D+/g) ?? []
  for (let i = 0; i < Math.min(partsA.length, partsB.length); i++) {
    const difference = compareParts(partsA[i], partsB[i])
    if (difference !== 0) return difference
  }
  // Equal by value, as "01" and "1" are: the plain text decides, or the order would depend on the input's.
  return partsA.length - partsB.length || compareText(a, b)
}

function compareParts(a: string, b: string): number {
  if (!isNumber(a) || !isNumber(b)) return compareText(a, b)
  const digitsA = a.replace(/^0+(?=\d)/, '')
  const digitsB = b.replace(/^0+(?=\d)/, '')
  return digitsA.length - digitsB.length || compareText(digitsA, digitsB)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function isNumber(part: string): boolean {
  return part[0] >= '0' && part[0] <= '9'
}
