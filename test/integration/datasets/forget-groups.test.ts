/** Forgetting a patient and a person of real image sets, through the command line: import, split, forget set, study. */
import { describe, expect, it } from 'vitest'
import type { Split } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { QualityReport } from '#shared/domain/quality.ts'
import type { Run } from '#shared/domain/study.ts'
import { temporaryFolder, tmuJson } from '#test/support/tmu-process.ts'
import { hasArchive, unpack } from './workspace.ts'

const quick = ['--methods', 'fine-tune', '--golds', '1', '--set', 'epochs=1'] as const

describe.skipIf(!hasArchive('malaria-cells.tar.gz'))('malaria cells by patient', () => {
  it('a patient is forgotten whole: none of the patient’s images stays behind, and a study runs', async () => {
    await using workspace = await temporaryFolder()
    const command = <T>(...parameters: readonly string[]): Promise<T> => tmuJson<T>(workspace.path, ...parameters)
    const path = await unpack('malaria-cells.tar.gz', '*/C10[0-9]P*', '*/C11[0-4]P*')
    await command('dataset', 'import', path, '--name', 'cells', '--group-pattern', '(?<patient>C\\d+)P')
    const split = await command<Split>('split', 'create', 'patients', '--dataset', 'cells', '--by-group', 'patient')
    expect(split.rule).toMatchObject({ groupKey: 'patient' })
    // Dealt by seed 1, the first patient is a member.
    const set = ['--dataset', 'cells', '--split', 'patients', '--group', 'patient=C100']
    const forgetSet = await command<ForgetSet>('forget', 'create', 'p100', ...set)
    expect(forgetSet.count).toBe(125)
    const report = await command<QualityReport>('dataset', 'check', 'cells', '--split', 'patients', '--forget', 'p100')
    expect(report.leakage.filter(({ kind }) => kind === 'group')).toEqual([])
    await command('study', 'create', 'patient', '--dataset', 'cells', '--forget', 'p100', ...quick)
    await command('study', 'run', 'patient')
    expect((await command<readonly Run[]>('run', 'list')).map(({ state }) => state)).toEqual(['succeeded'])
  })
})

describe.skipIf(!hasArchive('lfw-faces.tar.gz'))('LFW faces by person', () => {
  it('a person is forgotten, and a study runs', async () => {
    await using workspace = await temporaryFolder()
    const command = <T>(...parameters: readonly string[]): Promise<T> => tmuJson<T>(workspace.path, ...parameters)
    const path = await unpack('lfw-faces.tar.gz', '*/Alvaro_Uribe', '*/Laura_Bush', '*/Hans_Blix')
    await command('dataset', 'import', path, '--name', 'faces', '--group-level', '1=person')
    const forgetSet = await command<ForgetSet>(
      'forget',
      'create',
      'blix',
      '--dataset',
      'faces',
      '--group',
      'person=Hans_Blix',
    )
    expect(forgetSet.classCounts.filter((count) => count > 0)).toHaveLength(1)
    await command('study', 'create', 'person', '--dataset', 'faces', '--forget', 'blix', ...quick)
    await command('study', 'run', 'person')
    expect((await command<readonly Run[]>('run', 'list')).map(({ state }) => state)).toEqual(['succeeded'])
  })
})
