import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { Queue } from '#shared/domain/queue.ts'
import type { Run, Study, StudyPlan, StudyResult } from '#shared/domain/study.ts'
import { usualEngine } from '#test/support/native-engine.ts'
import { promptMs } from '#test/support/prompt.ts'
import { writeStripedImages } from '#test/support/striped-images.ts'
import { killTree, startTmu, temporaryFolder, tmu, tmuBatch, tmuJson } from '#test/support/tmu-process.ts'

const methods = 'gold,none,fine-tune,tmu,count-matched-random,tmu-soft'
/** No engine gets through them while a test is still typing. */
const endlessEpochs = 10_000

let template: Awaited<ReturnType<typeof temporaryFolder>>
let images: string

/** A data set and a forget set, made by the command line once and copied for each test. */
beforeAll(async () => {
  template = await temporaryFolder()
  images = join(template.path, 'images')
  await writeStripedImages(images, 80)
  const workspace = join(template.path, 'workspace')
  await tmuJson(workspace, 'dataset', 'import', images, '--name', 'stripes')
  await tmuJson(workspace, 'forget', 'create', 'half', '--dataset', 'stripes', '--class', 'down', '--fraction', '0.5')
})
afterAll(() => template[Symbol.asyncDispose]())

async function prepareStudy(workspace: string, epochs: number, chosen = methods): Promise<void> {
  await cp(join(template.path, 'workspace'), workspace, { recursive: true })
  await tmuJson(
    workspace,
    ...['study', 'create', 'first', '--dataset', 'stripes', '--forget', 'half', '--methods', chosen],
    ...['--golds', '2', '--set', `epochs=${epochs}`, '--set', 'earlyEpoch=2'],
  )
}

describe('a study by the command line', () => {
  test('runs from a folder of images to verdicts, and a second time from what is stored', async () => {
    await using folder = await temporaryFolder()
    const workspace = join(folder.path, 'workspace')
    await prepareStudy(workspace, 6)

    const dataset = await tmuJson<Dataset>(workspace, 'dataset', 'show', 'stripes')
    expect(dataset).toMatchObject({ name: 'stripes', sampleCount: 240, shape: [28, 28, 1], problems: [] })
    expect(dataset.classes).toEqual(['across', 'down', 'slant'].map((name) => ({ name, count: 80 })))

    const plan = await tmuJson<StudyPlan>(workspace, 'study', 'plan', 'first')
    expect(plan.trains).toEqual({ originals: 1, golds: 2, twins: 1, shadows: 0 })
    expect(plan.toReuse).toBe(0)

    const first = await tmu(workspace, 'study', 'run', 'first', '--json')
    expect(first.stderr).toMatch(/^stage done train-original [0-9a-f]{64}$/m)
    expect(first.code).toBe(0)
    const result = JSON.parse(first.stdout) as StudyResult
    expect(result).toMatchObject({
      study: 'first',
      engine: usualEngine,
      stages: { computed: plan.toCompute, reused: 0, failed: 0 },
    })
    // One row a method and seed; the golds have seeds of their own.
    expect(result.runs.map((run) => run.method).toSorted()).toEqual([...methods.split(','), 'gold'].toSorted())
    expect(result.runs.every((run) => run.state === 'succeeded')).toBe(true)
    expect(result.gate.checks.length).toBeGreaterThan(0)

    const again = await tmuJson<StudyResult>(workspace, 'study', 'run', 'first')
    expect(again.stages).toEqual({ computed: 0, reused: plan.toCompute, failed: 0 })
    expect(again.runs.map((run) => run.metrics)).toEqual(result.runs.map((run) => run.metrics))

    // The outcome file of a run, evaluated from outside, gives the run's own figures.
    const run = await tmuJson<Run>(
      workspace,
      'run',
      'show',
      result.runs.find((item) => item.method === 'tmu')?.id ?? '',
    )
    const evaluated = await tmuJson<{ metrics: Run['metrics'] }>(
      workspace,
      'outcome',
      'evaluate',
      run.outcomePath ?? '',
    )
    expect(evaluated.metrics?.['gap']).toEqual(run.metrics?.['gap'])

    const check = await tmu(workspace, 'workspace', 'check')
    expect(check).toMatchObject({ code: 0 })
  })

  test('survives SIGKILL of the whole tree, resumes, and ends with the bits of an undisturbed run', async () => {
    await using folder = await temporaryFolder()
    const calm = join(folder.path, 'calm')
    const disturbed = join(folder.path, 'disturbed')
    await prepareStudy(calm, 20)
    await cp(calm, disturbed, { recursive: true })
    const undisturbed = await tmuJson<StudyResult>(calm, 'study', 'run', 'first')

    const killed = startTmu(disturbed, ['study', 'run', 'first'], 'stage done train-original')
    await killed.untilStderr('stage done train-original')
    killTree(killed.child)
    await killed.finished
    // Nobody works on it any more, and whoever only looks sees that.
    const [left] = await tmuJson<Study[]>(disturbed, 'study', 'list')
    expect(left?.state).toBe('interrupted')
    expect((await tmu(disturbed, 'workspace', 'check')).code).toBe(0)

    const resumed = await tmuJson<StudyResult>(disturbed, 'study', 'run', 'first')
    expect(resumed.stages.reused).toBeGreaterThan(0)
    expect(resumed.runs.map((run) => [run.method, run.metrics])).toEqual(
      undisturbed.runs.map((run) => [run.method, run.metrics]),
    )
    expect((await tmu(disturbed, 'workspace', 'check')).code).toBe(0)
  })

  test('cancels within two seconds on Ctrl-C, and resumes', async () => {
    await using folder = await temporaryFolder()
    const workspace = join(folder.path, 'workspace')
    await prepareStudy(workspace, endlessEpochs)
    const running = startTmu(workspace, ['study', 'run', 'first'])
    await running.untilStderr(/progress|stage done/)
    const asked = performance.now()
    running.child.kill('SIGINT')
    expect((await running.finished).code).toBe(130)
    expect(performance.now() - asked).toBeLessThan(promptMs)
    const runs = await tmuJson<Run[]>(workspace, 'run', 'list')
    expect(runs.some((run) => run.state === 'cancelled')).toBe(true)
    expect(runs.some((run) => run.state === 'running' || run.state === 'queued')).toBe(false)
  })

  test('waits while its study is paused, also by a process that was killed since, and lets other commands attach', async () => {
    await using folder = await temporaryFolder()
    const workspace = join(folder.path, 'workspace')
    await prepareStudy(workspace, endlessEpochs, 'gold,none')
    const killed = startTmu(workspace, ['study', 'run', 'first'])
    await killed.untilStderr(/progress|stage done/)
    await tmuJson(workspace, 'study', 'pause', 'first')
    killTree(killed.child)
    await killed.finished
    const running = startTmu(workspace, ['study', 'run', 'first'])
    await running.untilStderr('tmu study resume first')
    // Nothing runs that would keep the process alive.
    expect(await tmuJson<Queue>(workspace, 'study', 'queue')).toMatchObject({ studies: [{ paused: true, running: 0 }] })
    await tmuJson(workspace, 'study', 'resume', 'first')
    await running.untilStderr('The study goes on.')
    await running.untilStderr(/train-\w+ .*epoch/)
    const runs = await tmuJson<Run[]>(workspace, 'run', 'list')
    expect(runs.some((run) => run.state === 'running')).toBe(true)
    for (const run of runs.filter((item) => item.state === 'running' || item.state === 'queued')) {
      await tmu(workspace, 'run', 'cancel', run.id)
    }
    expect((await running.finished).code).toBe(130)
  })
})

describe('bad input', () => {
  test('is refused with exit 2 and a sentence that names the culprit, and leaves nothing behind', async () => {
    await using folder = await temporaryFolder()
    const workspace = join(folder.path, 'workspace')
    await cp(join(template.path, 'workspace'), workspace, { recursive: true })
    await tmuJson(workspace, 'forget', 'create', 'all', '--dataset', 'stripes', '--class', 'down', '--fraction', '1')
    await mkdir(join(folder.path, 'empty'))
    await writeFile(join(folder.path, 'broken.npz'), 'PK\u0003\u0004 and nothing more')

    const study = ['study', 'create', 'x', '--dataset', 'stripes', '--forget', 'half']
    const cases: readonly (readonly [culprit: string, ...command: string[]])[] = [
      ['nowhere', 'dataset', 'import', join(folder.path, 'nowhere')],
      ['empty', 'dataset', 'import', join(folder.path, 'empty')],
      ['stripes', 'dataset', 'import', images, '--name', 'stripes'],
      ['--size', 'dataset', 'import', images, '--size', 'huge'],
      ['sideways', 'forget', 'create', 'f', '--dataset', 'stripes', '--class', 'sideways', '--fraction', '0.5'],
      ['fraction', 'forget', 'create', 'f', '--dataset', 'stripes', '--class', 'down', '--fraction', '1.5'],
      ['no-such-set', 'forget', 'create', 'f', '--dataset', 'no-such-set', '--class', 'down', '--fraction', '0.5'],
      ['magic', ...study, '--methods', 'magic'],
      ['epoch', ...study, '--set', 'epoch=3'],
      ['epochs', ...study, '--set', 'epochs=0'],
      ['tmu.lr', ...study, '--set', 'tmu.lr=-1'],
      ['__proto__', ...study, '--set', '__proto__=1'],
      ['A command is missing', 'dataset'],
      ['class', 'study', 'create', 'x', '--dataset', 'stripes', '--forget', 'all', '--methods', 'tmu'],
      ['nothing', 'study', 'run', 'nothing'],
      ['broken.npz', 'outcome', 'evaluate', join(folder.path, 'broken.npz')],
      ['--nonsense', 'study', 'list', '--nonsense'],
      ['There is no workspace', 'study', 'list', '--workspace', join(folder.path, 'mistyped')],
      ['dance', 'dance'],
    ]
    // The real program, without a process of its own for each: what a process adds is the same every time.
    const ends = await tmuBatch(
      workspace,
      cases.map(([, ...command]) => command),
    )
    for (const [i, [culprit, ...command]] of cases.entries()) {
      const { code, stderr, stdout } = ends[i]
      expect({ command, code, stdout }).toEqual({ command, code: 2, stdout: '' })
      expect(stderr).toContain(culprit)
      expect(stderr).not.toMatch(/\n\s+at .*:\d+:\d+/)
    }
    const [culprit, ...command] = cases[6]
    const alone = await tmu(workspace, ...command)
    expect(alone).toMatchObject({ code: 2, stdout: '' })
    expect(alone.stderr).toContain(culprit)
    expect(await tmuJson<unknown[]>(workspace, 'dataset', 'list')).toHaveLength(1)
    expect(await tmuJson<unknown[]>(workspace, 'forget', 'list')).toHaveLength(2)
    expect(await tmuJson<unknown[]>(workspace, 'study', 'list')).toHaveLength(0)
    expect((await tmu(workspace, 'workspace', 'check')).code).toBe(0)
    expect(await readdir(join(workspace, 'tmp'))).toEqual([])
  })
})
