import { CommandExecutor } from '#main/compute/pool/command-executor.ts'
import type { OpenWorkbenchOptions } from '#main/workbench/workbench.ts'
import { AppError } from '#shared/errors.ts'

/**
 * Where stages run, if not in this machine's worker processes: `TMU_STAGE_COMMAND`, words separated by spaces (or a
 * JSON array of them), and `TMU_STAGE_SLOTS`, how many at once. See docs/stages.md.
 */
export function stageCommandOf(environment: NodeJS.ProcessEnv): OpenWorkbenchOptions['createExecutor'] {
  const text = environment['TMU_STAGE_COMMAND']?.trim() ?? ''
  if (text === '') return undefined
  const [program, ...rest] = text.startsWith('[') ? parseWords(text) : text.split(/\s+/)
  const slots = Number(environment['TMU_STAGE_SLOTS'] ?? 1)
  if (program === undefined || !Number.isSafeInteger(slots) || slots < 1) {
    throw new AppError('bad-input', 'TMU_STAGE_COMMAND needs a program, and TMU_STAGE_SLOTS a whole number from 1.', {
      hint: 'For example TMU_STAGE_COMMAND="tmu worker run-stage" and TMU_STAGE_SLOTS=2.',
    })
  }
  return (_engine, objectsRoot) => new CommandExecutor({ command: [program, ...rest], objectsRoot, capacity: slots })
}

function parseWords(text: string): readonly string[] {
  try {
    const words: unknown = JSON.parse(text)
    if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words
  } catch {
    // Told below, as for an array of something else.
  }
  throw new AppError('bad-input', 'TMU_STAGE_COMMAND begins with "[" but is no JSON array of words.', {
    hint: 'For example ["tmu", "worker", "run-stage"].',
  })
}
