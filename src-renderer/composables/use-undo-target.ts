import { computed, onScopeDispose, type Ref, shallowReactive } from 'vue'

export interface UndoTarget {
  readonly canUndo: Readonly<Ref<boolean>>
  readonly canRedo: Readonly<Ref<boolean>>
  undo(): void
  redo(): void
}

const targets = shallowReactive<UndoTarget[]>([])

/** Makes this what Ctrl+Z and Ctrl+Shift+Z take back while the view is on the screen; the newest view comes first. */
export function useUndoTarget(target: UndoTarget): void {
  targets.push(target)
  onScopeDispose(() => {
    const at = targets.indexOf(target)
    if (at >= 0) targets.splice(at, 1)
  })
}

export const undoState = computed(() => {
  const target = targets.at(-1)
  return { canUndo: target?.canUndo.value ?? false, canRedo: target?.canRedo.value ?? false }
})

export function undoLast(): void {
  targets.at(-1)?.undo()
}

export function redoLast(): void {
  targets.at(-1)?.redo()
}
