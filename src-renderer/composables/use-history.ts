import { computed, type ShallowRef, shallowRef, triggerRef } from 'vue'
import { beginHistory, type History, redo, step, undo } from '../lib/history.ts'
import type { UndoTarget } from './use-undo-target.ts'

/** A value whose steps can be taken back. */
export function useHistory<T>(first: T): UndoTarget & {
  readonly value: Readonly<ShallowRef<T>>
  set(next: T): void
  /** Begins again: what was before is another thing's past. */
  reset(next: T): void
} {
  const history = shallowRef<History<T>>(beginHistory(first))
  const value = shallowRef(first) as ShallowRef<T>
  const move = (next: History<T>): void => {
    history.value = next
    value.value = next.present
    triggerRef(value)
  }
  return {
    value,
    canUndo: computed(() => history.value.past.length > 0),
    canRedo: computed(() => history.value.future.length > 0),
    set: (next) => move(step(history.value, next)),
    reset: (next) => move(beginHistory(next)),
    undo: () => move(undo(history.value)),
    redo: () => move(redo(history.value)),
  }
}
