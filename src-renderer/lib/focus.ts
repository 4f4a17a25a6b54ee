/** Focuses what a virtual list is about to draw: a far jump takes it some frames. */
export async function focusWhenThere(find: () => HTMLElement | null): Promise<void> {
  for (let frame = 0; frame < 30; frame++) {
    await new Promise((resolve) => requestAnimationFrame(resolve))
    const element = find()
    if (element === null) continue
    element.focus()
    return
  }
}
