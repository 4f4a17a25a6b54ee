/** What a study is attacked with: what was asked for, completed, on top of what it has already. */
import { attackOf, attackParams, attacks, parseAttackOptions } from '#main/compute/attacks.ts'
import { quoted } from '#main/formats/text.ts'
import { type AttackId, type AttackPlan, attackIds } from '#shared/domain/attack.ts'
import { AppError } from '#shared/errors.ts'
import type { SettingValue } from './settings.ts'

export interface AttackRequest {
  /** Default: those that train nothing. */
  readonly attacks?: readonly string[] | undefined
  readonly shadows?: number | undefined
  readonly models?: number | undefined
  /** `ATTACK.KEY`. */
  readonly settings?: Readonly<Record<string, SettingValue>> | undefined
}

/** Four models trained on an image and four that weren't: where LiRA begins to beat a single reference. */
const usualShadows = 8
const usualModels = 8
/** U-LiRA leaves one out and needs both kinds among the rest. */
const leastShadowsForMethods = 4

/**
 * @throws AppError `bad-input` for an unknown or repeated attack, a setting that isn't one or is out of its range, and
 * numbers of models that an attack can't do with.
 */
export function attackPlan(before: AttackPlan | null, request: AttackRequest): AttackPlan {
  const asked = request.attacks ?? attacks.filter(({ trains }) => trains === 'nothing').map(({ id }) => id)
  for (const [position, id] of asked.entries()) {
    attackOf(id)
    if (asked.indexOf(id) === position) continue
    throw new AppError('bad-input', `The attack ${quoted(id)} is named twice.`, { hint: 'Name each attack once.' })
  }
  const chosen = attackIds.filter((id) => asked.includes(id) || before?.attacks.includes(id) === true)
  const given = settingsByAttack(request.settings ?? {})
  const options = Object.fromEntries(
    chosen.map((id) => [id, parseAttackOptions(id, { ...before?.options[id], ...given.get(id) })]),
  )
  for (const id of given.keys()) {
    if (chosen.includes(id)) continue
    throw new AppError('bad-input', `A setting is for the attack ${quoted(id)}, which isn't among the chosen ones.`, {
      hint: `Add it: --attacks ${[...asked, id].join(',')}`,
    })
  }
  const references = chosen.includes('rmia') ? attackParams.rmia.parse(options['rmia'] ?? {}).references : 2
  const usual = chosen.includes('lira') || chosen.includes('ulira') ? Math.max(usualShadows, references) : references
  const shadows = request.shadows ?? Math.max(before?.shadows ?? 0, usual)
  checkShadows(shadows, chosen, references)
  return { attacks: chosen, shadows, models: request.models ?? before?.models ?? usualModels, options }
}

function checkShadows(shadows: number, chosen: readonly AttackId[], references: number): void {
  if (shadows % 2 !== 0) {
    throw new AppError('bad-input', `${shadows} shadow models are not possible: they come in pairs.`, {
      hint: 'Each pair is trained on the two halves of one pool; choose an even number.',
    })
  }
  const least = chosen.includes('ulira') ? leastShadowsForMethods : 2
  const needed = chosen.includes('rmia') ? Math.max(least, references) : least
  if (shadows >= needed) return
  throw new AppError('bad-input', `${shadows} shadow models are too few: these attacks need ${needed}.`, {
    hint: `Choose --shadows ${needed} or more, or leave it out.`,
  })
}

function settingsByAttack(
  settings: Readonly<Record<string, SettingValue>>,
): ReadonlyMap<AttackId, Readonly<Record<string, SettingValue>>> {
  const found = new Map<AttackId, Record<string, SettingValue>>()
  for (const [name, value] of Object.entries(settings)) {
    const [attack, key, ...rest] = name.split('.')
    if (key === undefined || key === '' || rest.length > 0) {
      throw new AppError('bad-input', `There is no setting ${quoted(name)} of an attack.`, {
        hint: 'Settings are ATTACK.KEY, for example rmia.gamma=2.',
        details: { key: name },
      })
    }
    const { id } = attackOf(attack)
    found.set(id, { ...found.get(id), [key]: value })
  }
  return found
}
