import { onScopeDispose, type Ref, ref, watch } from 'vue'

/** Whether an element has more than it shows, at all and to either side of where it is scrolled to. */
export function useOverflow(element: Readonly<Ref<HTMLElement | null>>) {
  const any = ref(false)
  const left = ref(false)
  const right = ref(false)
  function look(): void {
    const found = element.value
    if (found === null) return
    const beyond = found.scrollWidth - found.clientWidth
    any.value = beyond > 1 || found.scrollHeight > found.clientHeight + 1
    left.value = found.scrollLeft > 1
    right.value = beyond - found.scrollLeft > 1
  }
  // What it holds may grow without it, so that both are watched.
  const observer = new ResizeObserver(look)
  watch(
    element,
    (now, before) => {
      observer.disconnect()
      before?.removeEventListener('scroll', look)
      if (now === null) return
      observer.observe(now)
      for (const child of now.children) observer.observe(child)
      now.addEventListener('scroll', look, { passive: true })
      look()
    },
    { immediate: true, flush: 'post' },
  )
  onScopeDispose(() => observer.disconnect())
  return { any, left, right }
}
