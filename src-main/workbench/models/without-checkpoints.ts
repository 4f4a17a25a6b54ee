/** What a given original can't offer: checkpoints of its training. M_e is one, and so CF, which is measured under it. */
import { type MethodParams, methodOf } from '#main/compute/methods.ts'

/** `obstacle`: why the method can't work with a model that has no early checkpoints; else its parameters without CF. */
export function withoutCheckpoints(
  method: string,
  params: MethodParams,
): { readonly params: MethodParams; readonly leftOut: boolean; readonly obstacle: string | null } {
  const definition = methodOf(method)
  const readsCf = (given: MethodParams): boolean => definition.features?.(given).features.includes('cf') === true
  if ((definition.needs(params).epochs ?? []).length > 0) {
    return {
      params,
      leftOut: false,
      obstacle: 'early checkpoints of the original are needed, and a given one has none',
    }
  }
  if (!readsCf(params)) return { params, leftOut: false, obstacle: null }
  const { features } = params
  const others = typeof features === 'string' ? features.split('+').filter((feature) => feature !== 'cf') : []
  const changed = { ...params, features: others.join('+') }
  if (others.length === 0 || readsCf(changed)) {
    return {
      params,
      leftOut: false,
      obstacle: 'CF is needed, and a given original has no early model under which it is measured',
    }
  }
  return { params: changed, leftOut: true, obstacle: null }
}
