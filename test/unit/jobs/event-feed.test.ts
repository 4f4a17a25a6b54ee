import { describe, expect, it } from 'vitest'
import { EventFeed } from '#main/workbench/jobs/event-feed.ts'
import { unhurried } from '#shared/domain/queue.ts'
import type { StageKey } from '#shared/ids.ts'
import type { LiveStage, StudyEvent } from '#shared/progress.ts'

const live = (name: string, value: number): LiveStage => ({
  key: name as StageKey,
  kind: 'train-gold',
  label: name,
  state: 'running',
  reused: false,
  value,
  etaSeconds: null,
  curve: [],
  cost: null,
  error: null,
})
const told = (name: string, value: number): StudyEvent => ({
  kind: 'stage',
  stage: live(name, value),
  value,
  etaSeconds: 1,
})
const curve = (epoch: number): StudyEvent => ({
  kind: 'curve',
  key: 'a' as StageKey,
  point: { epoch, loss: 1, accuracy: 0, learningRate: 1 },
})
const finished: StudyEvent = { kind: 'finished', state: 'succeeded', error: null }

function newFeed(): { readonly feed: EventFeed; readonly snapshots: () => number } {
  let count = 0
  const feed = new EventFeed(() => {
    count++
    return { kind: 'snapshot', state: 'running', stages: [], value: 0, etaSeconds: null, schedule: unhurried }
  })
  return { feed, snapshots: () => count }
}

async function collect(stream: AsyncIterable<StudyEvent>): Promise<readonly StudyEvent[]> {
  const events: StudyEvent[] = []
  for await (const event of stream) events.push(event)
  return events
}

describe('event feed', () => {
  it('begins with a snapshot and ends with `finished`', async () => {
    const { feed } = newFeed()
    const reading = collect(feed.read())
    await Promise.resolve()
    feed.publish(told('a', 0.5))
    feed.end(finished)
    expect((await reading).map((event) => event.kind)).toEqual(['snapshot', 'stage', 'finished'])
  })

  it('gives whoever comes after the end a snapshot and the end', async () => {
    const { feed } = newFeed()
    feed.publish(told('a', 0.5))
    feed.end(finished)
    expect(await collect(feed.read())).toMatchObject([{ kind: 'snapshot' }, finished])
  })

  it('loses nothing that happens while the snapshot is being read', async () => {
    const { feed } = newFeed()
    const reader = feed.read()
    await reader.next()
    feed.publish(told('a', 1))
    feed.end(finished)
    expect(await collect(reader)).toEqual([told('a', 1), finished])
  })

  it('gives a slow reader the last state of each stage, and every point of a curve', async () => {
    const { feed } = newFeed()
    const reader = feed.read()
    await reader.next()
    for (let step = 1; step <= 100; step++) feed.publish(told('a', step / 100))
    feed.publish(curve(1))
    feed.publish(curve(2))
    feed.end(finished)
    expect(await collect(reader)).toEqual([told('a', 1), curve(1), curve(2), finished])
  })

  it('gives a reader that fell far behind a new snapshot instead of what it missed', async () => {
    const { feed, snapshots } = newFeed()
    const reader = feed.read()
    await reader.next()
    for (let epoch = 1; epoch <= 2000; epoch++) feed.publish(curve(epoch))
    const next = await reader.next()
    expect(next.value).toMatchObject({ kind: 'snapshot' })
    expect(snapshots()).toBe(2)
    feed.end(finished)
    const rest = await collect(reader)
    expect(rest.length).toBeLessThan(500)
    expect(rest.at(-1)).toEqual(finished)
  })

  it('tells of very many stages in pieces, before anything that changed since', async () => {
    const stages = Array.from({ length: 1200 }, (_, i) => live(`stage ${i}`, 0))
    const feed = new EventFeed(() => {
      return { kind: 'snapshot', state: 'running', stages, value: 0, etaSeconds: null, schedule: unhurried }
    })
    const reader = feed.read()
    const first = await reader.next()
    feed.publish(told('stage 3', 0.5))
    feed.end(finished)
    const events = [first.value, ...(await collect(reader))].filter((event) => event !== undefined)
    expect(events.map((event) => event.kind)).toEqual(['snapshot', 'stages', 'stages', 'stage', 'finished'])
    expect(events.flatMap((event) => ('stages' in event ? event.stages : []))).toEqual(stages)
  })

  it('ends for a reader that goes away, without disturbing the others', async () => {
    const { feed } = newFeed()
    const leaving = new AbortController()
    const leaver = collect(feed.read(leaving.signal))
    const stayer = collect(feed.read())
    await Promise.resolve()
    leaving.abort()
    expect((await leaver).map((event) => event.kind)).toEqual(['snapshot'])
    feed.end(finished)
    expect((await stayer).at(-1)).toEqual(finished)
  })
})
