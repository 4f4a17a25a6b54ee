/** Focuses an element that is there or about to be drawn: a far jump takes a virtual list some frames. */
export async function focusWhenThere(find: () => HTMLElement | null): Promise<void> {
  for (let frame = 0; frame < 30; frame++) {
    const element = find()
    if (element !== null) {
      element.focus()
      return
    }
    await new Promise((resolve) => requestAnimationFrame(resolve))
  }
}
