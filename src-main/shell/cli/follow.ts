import { toAppError } from '#shared/contract/errors.ts'
import type { Priority, Schedule } from '#shared/domain/queue.ts'
import type { JobState } from '#shared/domain/stage.ts'
import type { StudyResult } from '#shared/domain/study.ts'
import { AppError, type AppErrorShape } from '#shared/errors.ts'
import type { LiveStage } from '#shared/progress.ts'
import type { CommandCall } from './context.ts'
import { shellWord } from './output.ts'
import { ProgressLine } from './progress-line.ts'

/**
 * Starts a study's job and follows it to its end: progress on stderr, one `stage done KIND KEY` or
 * `stage reused KIND KEY` line a finished stage where stderr is no terminal. Ctrl-C cancels the job.
 */
export async function runAndFollow(
  call: CommandCall,
  study: string,
  { start = true, priority }: { readonly start?: boolean; readonly priority?: Priority | undefined } = {},
): Promise<StudyResult> {
  const { client, output, signal } = call
  signal.throwIfAborted()
  const cancel = (): void => void client.studies.cancel({ study }).catch(() => {})
  signal.addEventListener('abort', cancel, { once: true })
  const line = new ProgressLine(output.terminal)
  const told = new Set<string>()
  const tell = (stage: LiveStage): void => {
    if (stage.state === 'failed' && !told.has(stage.key)) {
      told.add(stage.key)
      line.print(`stage failed ${stage.kind} ${stage.key}: ${stage.error?.message ?? 'no reason was given'}`)
    }
    if (stage.state !== 'succeeded' || told.has(stage.key)) return
    told.add(stage.key)
    if (!output.terminal) line.print(`stage ${stage.reused ? 'reused' : 'done'} ${stage.kind} ${stage.key}`)
  }

  let held = ''
  const tellSchedule = (schedule: Schedule): void => {
    const now = describeHold(schedule, study)
    if (now !== held) line.print(now === '' ? 'The study goes on.' : now)
    held = now
  }
  let finished: { readonly state: JobState; readonly error: AppErrorShape | null } | null = null
  try {
    if (start) await client.studies.run({ study, ...(priority === undefined ? {} : { priority }) })
    if (signal.aborted) cancel()
    for await (const event of await client.studies.watch({ study })) {
      switch (event.kind) {
        case 'snapshot':
          for (const stage of event.stages) tell(stage)
          tellSchedule(event.schedule)
          line.update(event.value, event.etaSeconds, 'starting')
          break
        case 'stages':
          for (const stage of event.stages) tell(stage)
          break
        case 'schedule':
          tellSchedule(event.schedule)
          break
        case 'stage':
          tell(event.stage)
          line.update(event.value, event.etaSeconds, describe(event.stage))
          break
        case 'curve':
          break
        case 'finished':
          finished = event
          break
      }
    }
  } catch (error) {
    throw signal.aborted ? cancelled(study) : toAppError(error)
  } finally {
    signal.removeEventListener('abort', cancel)
    line.clear()
  }
  if (signal.aborted || finished?.state === 'cancelled') throw cancelled(study)
  if (finished === null) {
    throw new AppError('worker-died', `The workbench that ran "${study}" went away.`, {
      hint: 'Start the study again: finished stages are reused, training goes on from its last epoch.',
    })
  }
  return client.studies.result({ study })
}

function describeHold({ paused, shortOfMemory }: Schedule, study: string): string {
  if (paused) {
    const resume = `tmu study resume ${shellWord(study)}`
    return `The study is paused, by itself or with everything. Go on, in another terminal, with: ${resume} (or --all)`
  }
  return shortOfMemory ? 'Fewer stages run at once than there are cores: another one waits until memory is free.' : ''
}

function describe(stage: LiveStage): string {
  const point = stage.curve.at(-1)
  const epoch = point === undefined ? '' : `, epoch ${point.epoch}, loss ${point.loss.toFixed(3)}`
  return `${stage.kind} ${stage.label}${epoch}`
}

function cancelled(study: string): AppError {
  return new AppError('cancelled', `The study "${study}" was cancelled; finished stages are kept.`, {
    hint: `Go on with: tmu study run ${shellWord(study)}`,
  })
}
