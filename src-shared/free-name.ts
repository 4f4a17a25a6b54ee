/** Of names: what a shell shows in one line. Some room is left below the limit for the number. */
const mostCharacters = 110

/** `wanted`, or with the first number from 2 that makes it a name nobody has: `night runs 2`. */
export function freeName(wanted: string, isTaken: (name: string) => boolean): string {
  let name = wanted.slice(0, mostCharacters)
  for (let n = 2; isTaken(name); n++) name = `${wanted.slice(0, mostCharacters)} ${n}`
  return name
}
