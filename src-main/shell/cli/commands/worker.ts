import { resolve } from 'node:path'
import type { Command } from 'commander'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { pageLauncher } from '#main/compute/pool/page-launcher.ts'
import { runStageFile } from '#main/compute/pool/run-stage-file.ts'
import type { StageProgress } from '#main/compute/stages.ts'
import { Engines } from '#main/workbench/system/engines.ts'
import { chromiumPages } from '../../chromium-pages.ts'
import type { CommandContext } from '../context.ts'
import { watchLifeLine } from '../life-line.ts'
import type { Output } from '../output.ts'
import { ProgressLine } from '../progress-line.ts'

interface RunStageOptions {
  readonly keepCheckpoints?: boolean
  readonly supervised?: boolean
}

export function registerWorkerCommands(program: Command, context: CommandContext): void {
  const worker = program.command('worker').description('computing stages where the workbench itself does not run')
  worker
    .command('run-stage')
    .argument('<file>', 'the stage as JSON: see docs/stages.md')
    .option('--keep-checkpoints', 'leave checkpoints to the caller: they are told and stay')
    .option('--supervised', 'cancel the stage when stdin, after whatever came through it, ends: its caller is gone')
    .description('run one stage: reads and writes the object store, prints its result as JSON')
    .action((file: string, options: RunStageOptions, command: Command) =>
      context.runAlone(command, async ({ output, signal }) => {
        const progress = progressOn(output)
        const lifeLine = options.supervised === true ? watchLifeLine() : null
        const engines = new Engines(forkLauncher, pageLauncher(chromiumPages(output.note)))
        try {
          const result = await runStageFile(resolve(file), {
            launcherOf: (engine) => engines.launcherOf(engine),
            signal: lifeLine === null ? signal : AbortSignal.any([signal, lifeLine.signal]),
            keepCheckpoints: options.keepCheckpoints === true,
            onProgress: (event) => progress.show(event),
          })
          output.result(result, () => JSON.stringify(result, null, 2))
          return 0
        } finally {
          lifeLine?.dispose()
          progress.end()
        }
      }),
    )
}

/** A bar on a terminal; elsewhere one JSON object a line, for the program that started this one. */
function progressOn({ terminal }: Output): { show(event: StageProgress): void; end(): void } {
  if (!terminal) return { show: (event) => void process.stderr.write(`${JSON.stringify(event)}\n`), end() {} }
  const line = new ProgressLine(true)
  const startedAt = performance.now()
  let first: { readonly value: number; readonly at: number } | null = null
  return {
    show(event) {
      if (event.kind !== 'progress') return
      const now = performance.now()
      first ??= { value: event.value, at: now }
      const gained = event.value - first.value
      const eta = gained > 0 ? (((now - first.at) / gained) * (1 - event.value)) / 1000 : null
      line.update(event.value, eta, `${Math.round((now - startedAt) / 1000)} s so far`)
    },
    end: () => line.clear(),
  }
}
