/**
 * Forgetting a patient, a person, a delivery and a ward of real image sets, through the command line: import, split, forget
 * set, study. Parts of the sets; `npm run bench:real-sets` does it with the whole of them.
 */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
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

describe.skipIf(!hasArchive('cifar10-jpeg.tar.gz'))('CIFAR-10 by delivery', () => {
  it('a delivery of images of all classes is forgotten whole, and ships that look alike can be chosen', async () => {
    await using workspace = await temporaryFolder()
    const command = <T>(...parameters: readonly string[]): Promise<T> => tmuJson<T>(workspace.path, ...parameters)
    const path = await unpack('cifar10-jpeg.tar.gz', '*/test/*/00[0-9]*')
    // Dealt by seed 1, the first delivery is a member. The set says nothing of where its images came from: ten numbers of each class stand for a delivery.
    await command('dataset', 'import', path, '--name', 'cifar', '--group-pattern', '(?<delivery>\\d{3})\\d\\.jpg$')
    await command('split', 'create', 'apart', '--dataset', 'cifar', '--by-group', 'delivery')
    const rule = ['--dataset', 'cifar', '--split', 'apart', '--group', 'delivery=000'] as const
    const delivery = await command<ForgetSet>('forget', 'create', 'delivery', ...rule)
    expect(delivery.classCounts).toEqual(Array(10).fill(10))
    const alike = ['--dataset', 'cifar', '--class', 'ship', '--cluster', '1', '--clusters', '3'] as const
    const ships = await command<ForgetSet>('forget', 'create', 'ships', ...alike)
    expect(ships.classCounts.filter((count) => count > 0)).toHaveLength(1)
    await command('study', 'create', 'delivery', '--dataset', 'cifar', '--forget', 'delivery', ...quick)
    await command('study', 'run', 'delivery')
    expect((await command<readonly Run[]>('run', 'list')).map(({ state }) => state)).toEqual(['succeeded'])
  })
})

describe.skipIf(!hasArchive('pneumoniamnist.tar.gz'))('PneumoniaMNIST by ward', () => {
  it('keeps its given test folder as E; a ward of a hospital’s table is forgotten', async () => {
    await using workspace = await temporaryFolder()
    const command = <T>(...parameters: readonly string[]): Promise<T> => tmuJson<T>(workspace.path, ...parameters)
    const path = await unpack('pneumoniamnist.tar.gz', '*/*/*/000[0-9]*')
    // Nor does this one know its patients: a table deals the images out to wards by their numbers.
    const table = join(workspace.path, 'wards.csv')
    const files = (await readdir(path, { recursive: true })).filter((name) => name.endsWith('.png'))
    await writeFile(
      table,
      `file,ward\n${files.map((name) => `${name},W${Number(name.slice(-6, -4)) % 10}`).join('\n')}\n`,
    )
    await command('dataset', 'import', path, '--name', 'chests', '--group-csv', table, '--group-key', 'file')
    const [split] = await command<readonly Split[]>('split', 'list', '--dataset', 'chests')
    expect(split.rule).toMatchObject({ evaluationFolder: 'test' })
    const forgetSet = await command<ForgetSet>('forget', 'create', 'w7', '--dataset', 'chests', '--group', 'ward=W7')
    expect(forgetSet.count).toBeGreaterThan(10)
    await command('study', 'create', 'ward', '--dataset', 'chests', '--forget', 'w7', ...quick)
    await command('study', 'run', 'ward')
    expect((await command<readonly Run[]>('run', 'list')).map(({ state }) => state)).toEqual(['succeeded'])
  })
})
