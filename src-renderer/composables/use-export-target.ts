import { onScopeDispose, type Ref, shallowReactive } from 'vue'

export interface ExportTarget {
  readonly element: Readonly<Ref<HTMLElement | null>>
  readonly data?: () => void
  readonly picture?: () => void
}

const targets = shallowReactive(new Set<ExportTarget>())

/** Makes a chart or a table what Ctrl+E and Ctrl+Shift+E save, while it is on the screen. */
export function useExportTarget(element: Readonly<Ref<HTMLElement | null>>, save: Omit<ExportTarget, 'element'>): void {
  const target: ExportTarget = { element, ...save }
  targets.add(target)
  onScopeDispose(() => targets.delete(target))
}

/** The target that holds the focus, else the first in the document's order that can do it. */
export function findExportTarget(kind: 'data' | 'picture'): ExportTarget | null {
  const able = [...targets].filter((target) => target[kind] !== undefined && target.element.value !== null)
  const focused = able.find((target) => target.element.value?.closest('.panel')?.contains(document.activeElement))
  if (focused !== undefined) return focused
  able.sort((first, second) => {
    const [a, b] = [first.element.value, second.element.value]
    return a !== null && b !== null && (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0 ? -1 : 1
  })
  return able[0] ?? null
}

export function hasExportTarget(kind: 'data' | 'picture'): boolean {
  return [...targets].some((target) => target[kind] !== undefined)
}
