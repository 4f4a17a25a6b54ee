/** Which samples the shadow models of a split are trained on, and which of them a forget set can be compared with. */
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { readIds, readLabels } from '#main/compute/worker/array-objects.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { Random } from '#shared/random.ts'
import { listsInto, type NewLists, type ShadowLists } from './sample-lists.ts'

/**
 * The pool is D and as many evaluation samples of each class as D has (or all there are): as in Carlini et al. 2022, half
 * of it is about as large as D, and members and non-members alike are in exactly half of the shadow models. It doesn't
 * depend on F, so that every forget set of the split shares them; each pair of halves is its own draw, so that more
 * shadow models can be added later.
 */
export function shadowHalves(
  members: Int32Array,
  evaluation: Int32Array,
  labels: Int32Array,
  seed: number,
  pairs: number,
): { readonly audit: Int32Array; readonly halves: readonly Int32Array[] } {
  const ofMembers = byClass(members, labels)
  const ofEvaluation = byClass(evaluation, labels)
  const classes = [...new Set([...ofMembers.keys(), ...ofEvaluation.keys()])].sort((a, b) => a - b)
  const audit: number[] = []
  for (const label of classes) {
    const pool = Random.of(seed, 'shadow-pool', label).shuffle([...(ofEvaluation.get(label) ?? [])])
    audit.push(...pool.slice(0, ofMembers.get(label)?.length ?? 0))
  }
  const ofAudit = byClass(Int32Array.from(audit), labels)
  const halves: Int32Array[] = []
  for (let pair = 0; pair < pairs; pair++) {
    const one: number[] = []
    const other: number[] = []
    for (const label of classes) {
      // Apart, so that each half has its share of members and of unseen samples of every class.
      for (const [kind, group] of [ofMembers.get(label) ?? [], ofAudit.get(label) ?? []].entries()) {
        const dealt = Random.of(seed, 'shadow-half', pair, label, kind).shuffle([...group])
        for (const [i, id] of dealt.entries()) (i % 2 === 0 ? one : other).push(id)
      }
    }
    halves.push(Int32Array.from(one).sort(), Int32Array.from(other).sort())
  }
  return { audit: Int32Array.from(audit).sort(), halves }
}

/** Lists of `count` shadow models (an even number) for one forget set; nothing is written. */
export async function deriveShadowLists(
  objects: ObjectStore,
  dataset: Dataset,
  split: Split,
  forgetSet: ForgetSet,
  count: number,
): Promise<{ readonly shadows: ShadowLists; readonly content: NewLists }> {
  const [labels, members, evaluation, forget] = await Promise.all([
    readLabels(objects, dataset.labels),
    readIds(objects, split.members),
    readIds(objects, split.evaluation),
    readIds(objects, forgetSet.ids),
  ])
  const { audit, halves } = shadowHalves(members, evaluation, labels, split.seed, Math.ceil(count / 2))
  const forgotten = new Set(forget)
  const classes = new Set(Array.from(forget, (id) => labels[id]))
  const content = new Map<ObjectHash, Uint8Array>()
  const listOf = listsInto(content)
  const shadows: ShadowLists = {
    audit: listOf(audit.filter((id) => classes.has(labels[id]))),
    halves: halves.slice(0, count).map((ids) => {
      const retain = ids.filter((id) => !forgotten.has(id))
      return {
        members: listOf(ids),
        forget: listOf(ids.filter((id) => forgotten.has(id))),
        retain: listOf(retain),
        classRetain: retain.filter((id) => classes.has(labels[id])).length,
      }
    }),
  }
  return { shadows, content }
}

function byClass(ids: Int32Array, labels: Int32Array): ReadonlyMap<number, readonly number[]> {
  const found = new Map<number, number[]>()
  for (const id of ids) {
    const held = found.get(labels[id])
    if (held === undefined) found.set(labels[id], [id])
    else held.push(id)
  }
  return found
}
