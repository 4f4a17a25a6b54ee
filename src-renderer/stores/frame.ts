import { defineStore } from 'pinia'
import { computed, ref, shallowReactive } from 'vue'

export type DialogName = 'palette' | 'quick-open' | 'keys'

/** What the frame shows beside the screen: the inspector's holder and the one open dialog. */
export const useFrameStore = defineStore('frame', () => {
  const dialog = ref<DialogName | null>(null)
  /** Panels that want the inspector; the last one has it. */
  const panels = shallowReactive<{ readonly close: () => void }[]>([])
  const inspectorOpen = computed(() => panels.length > 0)

  function show(panel: { readonly close: () => void }): void {
    panels.push(panel)
  }
  function hide(panel: { readonly close: () => void }): void {
    const at = panels.indexOf(panel)
    if (at >= 0) panels.splice(at, 1)
  }
  function closeInspector(): void {
    panels.at(-1)?.close()
  }
  return { dialog, inspectorOpen, show, hide, closeInspector }
})
