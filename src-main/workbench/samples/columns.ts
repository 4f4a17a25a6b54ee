import type { ObjectStore } from '#main/artifacts/object-store.ts'
import {
  readFindings,
  readGroupCodes,
  readIds,
  readLabels,
  readSampleTable,
} from '#main/workbench/datasets/sample-data.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { QualityFindings } from '#shared/domain/quality.ts'
import { type PackedCodes, type PackedSamples, sampleParts } from '#shared/domain/sample.ts'
import { pack } from './pack.ts'

/** Everything about every sample that needs no study, in one piece. */
export async function packSamples(objects: ObjectStore, dataset: Dataset): Promise<PackedSamples> {
  const [labels, table, findings] = await Promise.all([
    readLabels(objects, dataset),
    readSampleTable(objects, dataset),
    readFindings(objects, dataset),
  ])
  const groups = dataset.groups.map(async (column) => ({
    name: column.name,
    values: column.values,
    codes: pack(await readGroupCodes(objects, dataset, column)),
  }))
  return {
    dataset: dataset.id,
    count: dataset.sampleCount,
    labels: pack(labels),
    duplicateOf: pack(Int32Array.from(table.duplicateOf)),
    nearGroup: findings === null ? null : pack(nearGroups(findings, table.duplicateOf)),
    suspects: findings === null ? null : pack(Int32Array.from(findings.mislabelSuspects.items, ({ sample }) => sample)),
    groups: await Promise.all(groups),
    givenSplit: codesOf(table.givenSplit),
  }
}

/** The lowest sample of each sample's group of near or exact copies, -1 where it has none. */
export function nearGroups(findings: QualityFindings, duplicateOf: readonly number[]): Int32Array {
  const parent = Int32Array.from(duplicateOf, (first, id) => (first < 0 ? id : first))
  const rootOf = (id: number): number => {
    let root = id
    while (parent[root] !== root) root = parent[root]
    return root
  }
  for (const { samples } of findings.nearDuplicates.items) {
    const roots = samples.map(rootOf)
    const lowest = Math.min(...roots)
    for (const root of roots) parent[root] = lowest
  }
  const size = new Int32Array(parent.length)
  for (let id = 0; id < parent.length; id++) size[rootOf(id)]++
  return parent.map((_, id) => (size[rootOf(id)] > 1 ? rootOf(id) : -1))
}

/** uint8 [n], an index into `sampleParts`. */
export async function partsOfSplit(objects: ObjectStore, dataset: Dataset, split: Split): Promise<Uint8Array> {
  const parts = new Uint8Array(dataset.sampleCount)
  for (const part of ['members', 'twinPool', 'evaluation'] as const) {
    const code = sampleParts.indexOf(part)
    for (const id of await readIds(objects, split[part])) parts[id] = code
  }
  return parts
}

function codesOf(values: readonly (string | null)[]): PackedCodes | null {
  const known = [...new Set(values.filter((value) => value !== null))].sort()
  if (known.length === 0) return null
  const codeOf = new Map(known.map((value, code) => [value, code]))
  return {
    values: known,
    codes: pack(Int32Array.from(values, (value) => (value === null ? -1 : (codeOf.get(value) ?? -1)))),
  }
}
