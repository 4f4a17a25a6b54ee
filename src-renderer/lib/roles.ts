/** The four models of a study, as every chart and table marks them. */
export type Role = 'original' | 'gold' | 'unlearned' | 'twin'

/** Which role a method's model plays: `none` is the original itself, `gold` the reference. */
export function roleOfMethod(method: string): Role {
  if (method === 'gold') return 'gold'
  return method === 'none' ? 'original' : 'unlearned'
}
