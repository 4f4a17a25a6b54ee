import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import type { EngineId } from '#shared/domain/engine.ts'
import { nativeMissing } from '#test/support/native-engine.ts'
import { createStudy, newBench, runStudy, withDataset } from '../jobs/tiny-study.ts'

const engines: readonly EngineId[] = ['wasm', ...(nativeMissing === null ? (['native'] as const) : [])]

it.each(engines)(
  'the same study in two workspaces has the same outcome files to the bit on %s',
  async (engine) => {
    const files: (readonly (readonly [string, string])[])[] = []
    for (let copy = 0; copy < 2; copy++) {
      await using bench = await withDataset(await newBench(), 30)
      const study = await createStudy(bench, {
        engine,
        methods: ['gold', 'fine-tune', 'tmu', 'scrub'],
        golds: 1,
        settings: { epochs: 2, 'fine-tune.epochs': 1, 'tmu.epochs': 1, 'scrub.epochs': 1, 'scrub.maxSteps': 1 },
      })
      const { result } = await runStudy(bench, study)
      expect(result.stages.failed).toBe(0)
      const outcomes: (readonly [string, string])[] = []
      for (const { method, seed, outcomePath } of result.runs) {
        outcomes.push([`${method} ${seed}`, (await readFile(outcomePath ?? '')).toString('base64')])
      }
      files.push(outcomes)
    }
    const [first, second] = files
    expect(first).toHaveLength(4)
    expect(second.map(([run]) => run)).toEqual(first.map(([run]) => run))
    for (const [at, [run, bytes]] of first.entries()) expect(second[at][1] === bytes, run).toBe(true)
  },
  120_000,
)
