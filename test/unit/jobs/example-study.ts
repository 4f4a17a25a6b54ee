/** A study's configuration and lists, made up: planning reads no pixels. */
import { completeMethodOptions, defaultMethods } from '#main/compute/methods.ts'
import type { StudyMaterial } from '#main/workbench/jobs/graph/graph-builder.ts'
import type { SampleList } from '#main/workbench/jobs/sample-lists.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import type { DatasetId, ForgetSetId, ObjectHash, SplitId } from '#shared/ids.ts'

const object = (name: string): ObjectHash => Buffer.from(name).toString('hex').padEnd(64, '0') as ObjectHash
const list = (name: string, count: number): SampleList => ({ object: object(name), count })

const recipe = {
  epochs: 10,
  batchSize: 64,
  optimizer: 'adam',
  lr: 3e-3,
  schedule: 'cosine',
  momentum: 0.9,
  weightDecay: 0,
} as const

export function exampleConfig(changes: Partial<StudyConfig> = {}): StudyConfig {
  const methods = changes.methods ?? defaultMethods
  return {
    datasetId: 'd' as DatasetId,
    splitId: 's' as SplitId,
    forgetSetId: 'f' as ForgetSetId,
    architecture: 'tiny-cnn',
    recipe,
    twinRecipe: { ...recipe, epochs: 3, lr: 1e-3 },
    earlyEpoch: 2,
    methods,
    methodParams: completeMethodOptions(methods, {}),
    seeds: [1],
    goldSeeds: [1001, 1002],
    margin: 0.05,
    ...changes,
  }
}

/** 100 members, 30 of one class to forget; `forget` names another set of the same class. */
export function exampleMaterial({ forget = 'F' }: { readonly forget?: string } = {}): StudyMaterial {
  return {
    dataset: {
      id: 'd' as DatasetId,
      name: 'example',
      format: 'folder',
      source: 'example',
      sampleCount: 200,
      classes: [
        { name: 'cat', count: 100 },
        { name: 'dog', count: 100 },
      ],
      shape: [28, 28, 1],
      images: object('images'),
      labels: object('labels'),
      samples: object('samples'),
      duplicateCount: 0,
      groups: [],
      quality: null,
      licence: null,
      problems: [],
      createdAt: '2026-01-01T00:00:00.000Z',
    },
    split: {
      id: 's' as SplitId,
      datasetId: 'd' as DatasetId,
      name: 'default',
      rule: { kind: 'fractions', members: 0.5, twinPool: 0.25, evaluation: 0.25 },
      seed: 1,
      members: object('D'),
      twinPool: object('H'),
      evaluation: object('E'),
      counts: { members: [50, 50], twinPool: [25, 25], evaluation: [25, 25] },
      normalisation: { mean: [0.5], std: [0.25] },
      createdAt: '2026-01-01T00:00:00.000Z',
    },
    lists: {
      members: list('D', 100),
      forget: list(forget, 30),
      retain: list(`R without ${forget}`, 70),
      twin: list('H_c', 25),
      twinCounts: new Map([[1, 25]]),
      twinOf: (shift) =>
        shift === undefined || shift.share === 1 ? list('H_c', 25) : list(`H_c ${shift.share}`, 25 * shift.share),
      shiftedTwins: [list('H_c 0.2', 5)],
      retainSample: list(`R sample without ${forget}`, 70),
      evaluation: list('E', 50),
      classRetain: 20,
    },
  }
}
