/** Knobs on the twin pool: how far may H_c be from F before the twin problem says nothing about F any more? */
import { z } from 'zod'
import type { InEffect } from '#shared/domain/in-effect.ts'
import type { TwinShift } from '../../stages.ts'

export const twinShiftParams = {
  twinShare: z.number().gt(0).max(1).default(1).describe('Share of the twin pool\u2019s samples that the twin uses'),
  twinMix: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('Share of the twin samples that is replaced by samples of other classes (shift knob)'),
  twinClass: z
    .int()
    .min(-1)
    .max(100_000)
    .default(-1)
    .describe(
      'Index of another class whose twin samples are taken instead; -1: the forget set\u2019s own (shift knob)',
    ),
  twinCorruption: z
    .enum(['none', 'noise', 'blur', 'contrast'])
    .default('none')
    .describe('Corruption of the twin samples\u2019 pixels, after Hendrycks and Dietterich 2019 (shift knob)'),
  twinSeverity: z.int().min(1).max(5).default(3).describe('Severity of that corruption, 1 to 5'),
}

export const twinShiftInEffect = {
  twinSeverity: [{ twinCorruption: ['noise', 'blur', 'contrast'] }],
} as const satisfies InEffect

export type TwinShiftParams = z.infer<z.ZodObject<typeof twinShiftParams>>

/** What a method needs of the planner: nothing where the twin pool is taken as it is. */
export function twinShiftNeed(params: Partial<TwinShiftParams>): { readonly twinShift?: TwinShift } {
  if (!isTwinShift(params)) return {}
  const shift = twinShiftOf(params)
  const plain = shift.share === 1 && shift.mix === 0 && shift.classIndex === null && shift.corruption === undefined
  return plain ? {} : { twinShift: shift }
}

/** Controls without a predictor have no twin problem to shift. */
function isTwinShift(params: Partial<TwinShiftParams>): params is TwinShiftParams {
  return params.twinShare !== undefined
}

export function twinShiftOf(params: TwinShiftParams): TwinShift {
  const { twinShare, twinMix, twinClass, twinCorruption, twinSeverity } = params
  return {
    share: twinShare,
    mix: twinMix,
    classIndex: twinClass === -1 ? null : twinClass,
    ...(twinCorruption === 'none' ? {} : { corruption: { kind: twinCorruption, severity: twinSeverity } }),
  }
}
