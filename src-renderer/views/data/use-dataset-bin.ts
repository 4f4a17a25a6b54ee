import { computed, shallowRef } from 'vue'
import { toast } from 'vue-sonner'
import type { BinnedDataset, RemovedDataset } from '#shared/domain/dataset.ts'
import { type Action, useAction } from '../../composables/use-action.ts'
import { useFormat } from '../../composables/use-format.ts'
import { useMessages } from '../../composables/use-messages.ts'
import { useUndoTarget } from '../../composables/use-undo-target.ts'
import { client } from '../../rpc/workbench.ts'

type Named = Pick<BinnedDataset, 'id' | 'name'>

/** What Ctrl+Z brings back, also on the page that removing led to. */
const lastRemoved = shallowRef<Named | null>(null)
/** Raised when a data set came or went, wherever on the screen. */
export const binChanges = shallowRef(0)

/** Moving data sets to the bin, and having them back: by the notice, Ctrl+Z, or the list of the bin. */
export function useDatasetBin(): {
  readonly remove: Action<[Named], RemovedDataset>
  readonly restore: Action<[Named], void>
} {
  const { t } = useMessages()
  const format = useFormat()

  const restore = useAction(async (set: Named) => {
    const { dataset, renamed } = await client.datasets.restore({ dataset: set.id })
    if (lastRemoved.value?.id === set.id) lastRemoved.value = null
    binChanges.value++
    toast.dismiss(set.id)
    toast.success(t('bin.restored', { name: dataset.name }), {
      ...(renamed.length === 0
        ? {}
        : { description: renamed.map(({ from, to }) => t('bin.renamed', { from, to })).join(' ') }),
    })
  })
  const remove = useAction(async (set: Named) => {
    const removed = await client.datasets.remove({ dataset: set.id })
    lastRemoved.value = set
    binChanges.value++
    toast.success(t('bin.moved', { name: removed.name }), {
      id: set.id,
      duration: 12_000,
      ...(removed.keptUntil === null
        ? {}
        : { description: t('bin.keptUntil', { date: format.date(removed.keptUntil) }) }),
      action: { label: t('command.undo'), onClick: () => void restore.run(set) },
    })
    return removed
  })
  useUndoTarget({
    canUndo: computed(() => lastRemoved.value !== null),
    canRedo: computed(() => false),
    undo: () => {
      if (lastRemoved.value !== null) void restore.run(lastRemoved.value)
    },
    redo: () => {},
  })
  return { remove, restore }
}
