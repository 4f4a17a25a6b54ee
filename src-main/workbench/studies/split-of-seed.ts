import type { Repositories } from '#main/store/index.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import { AppError } from '#shared/errors.ts'
import { partsOfRule } from '#shared/forget-rule.ts'
import type { DatasetUseCases } from '../datasets/use-cases.ts'

/**
 * The same forget set by rule and seed, in a split of the same rule under another seed; both are made where they don't
 * exist yet.
 * @throws AppError `bad-input` for a forget set from a list: its samples belong to its own split.
 */
export async function forgetSetInSplitOfSeed(
  repositories: Repositories,
  useCases: DatasetUseCases,
  dataset: Dataset,
  forgetSet: ForgetSet,
  seed: number,
): Promise<ForgetSet> {
  const base = repositories.splits.findSplit(dataset.id, forgetSet.splitId)
  if (base === null) throw new AppError('corrupt', `The split of the forget set "${forgetSet.name}" is missing.`)
  if (base.seed === seed) return forgetSet
  const namesSamples = [...partsOfRule(forgetSet.rule)].some(({ kind }) => kind === 'ids' || kind === 'picked')
  if (namesSamples) {
    throw new AppError(
      'bad-input',
      `splitSeed = ${seed} is not possible: "${forgetSet.name}" names single samples of the split "${base.name}" (seed ${base.seed}).`,
      { hint: 'Leave splitSeed out, or use a forget set by class or at random.', details: { key: 'splitSeed' } },
    )
  }
  const split =
    sameRule(repositories, dataset, base, seed) ??
    (await useCases.createSplit({ dataset, name: `${base.name} (seed ${seed})`, rule: base.rule, seed }))
  const known = repositories.forgetSets
    .listForgetSets()
    .find(
      (other) => other.splitId === split.id && other.seed === forgetSet.seed && sameValue(other.rule, forgetSet.rule),
    )
  if (known !== undefined) return known
  const { rule } = forgetSet
  return await useCases.forgetSets.create({
    name: `${forgetSet.name} (split seed ${seed})`,
    dataset: dataset.id,
    split: split.id,
    seed: forgetSet.seed,
    rule,
  })
}

function sameRule(repositories: Repositories, dataset: Dataset, base: Split, seed: number): Split | undefined {
  return repositories.splits
    .listSplits(dataset.id)
    .find((split) => split.seed === seed && sameValue(split.rule, base.rule))
}

function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
