interface Page<T> {
  readonly total: number
  readonly items: readonly T[]
}

/** Everything, page by page: no one message holds up the workbench or this window. */
export async function allPages<T>(load: (offset: number) => Promise<Page<T>>): Promise<readonly T[]> {
  const items: T[] = []
  for (;;) {
    const page = await load(items.length)
    items.push(...page.items)
    if (page.items.length === 0 || items.length >= page.total) return items
  }
}
