import { onScopeDispose, type Ref, ref, watch } from 'vue'

/** The width of an element's content box in CSS pixels, followed as it changes; `fallback` until it is known. */
export function useElementWidth(element: Readonly<Ref<HTMLElement | null>>, fallback: number): Readonly<Ref<number>> {
  const width = ref(fallback)
  const observer = new ResizeObserver(([entry]) => {
    if (entry !== undefined && entry.contentRect.width > 0) width.value = Math.round(entry.contentRect.width)
  })
  watch(
    element,
    (now) => {
      observer.disconnect()
      if (now !== null) observer.observe(now)
    },
    { immediate: true, flush: 'post' },
  )
  onScopeDispose(() => observer.disconnect())
  return width
}
