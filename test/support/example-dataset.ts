import type { Dataset } from '#shared/domain/dataset.ts'
import type { DatasetId, ObjectHash } from '#shared/ids.ts'

const anyObject = '0'.repeat(64) as ObjectHash

/** A data set's row; its objects are nowhere unless given. */
export function exampleDataset(given: Partial<Dataset> = {}): Dataset {
  return {
    id: 'dataset-1' as DatasetId,
    name: 'example',
    format: 'folder',
    source: '/images/example',
    sampleCount: 3,
    classes: [
      { name: 'one', count: 1 },
      { name: 'two', count: 2 },
    ],
    shape: [28, 28, 1],
    images: anyObject,
    labels: anyObject,
    samples: anyObject,
    duplicateCount: 0,
    groups: [],
    quality: null,
    licence: null,
    problems: [],
    createdAt: '2026-01-01T00:00:00.000Z',
    ...given,
  }
}
