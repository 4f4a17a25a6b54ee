import { isAborted } from '#shared/abort.ts'
import type { StudyEvent } from '#shared/progress.ts'

/** A reader that falls further behind gets a new snapshot instead of everything it missed. */
const mostPending = 500

/** So many stages in one event; more would hold up whoever writes them down for a window. */
const mostStages = 500

/** A snapshot in pieces of bearable size. */
export function inPieces(event: StudyEvent): readonly StudyEvent[] {
  if (event.kind !== 'snapshot' || event.stages.length <= mostStages) return [event]
  const pieces: StudyEvent[] = [{ ...event, stages: event.stages.slice(0, mostStages) }]
  for (let at = mostStages; at < event.stages.length; at += mostStages) {
    pieces.push({ kind: 'stages', stages: event.stages.slice(at, at + mostStages) })
  }
  return pieces
}

/** Sends a job's events to any number of readers, each at its own pace. */
export class EventFeed {
  readonly #snapshot: () => StudyEvent
  readonly #readers = new Set<Reader>()
  #last: StudyEvent | null = null

  /** `snapshot` says how things stand at the moment it's called. */
  constructor(snapshot: () => StudyEvent) {
    this.#snapshot = snapshot
  }

  publish(event: StudyEvent): void {
    for (const reader of this.#readers) reader.add(event)
  }

  /** Ends the stream of every reader, present and future, with this event. */
  end(event: StudyEvent): void {
    this.publish(event)
    this.#last = event
  }

  /** A snapshot first, then what changes; ends after `end`, or when the signal aborts. */
  async *read(signal?: AbortSignal): AsyncGenerator<StudyEvent, void> {
    const ended = this.#last
    const reader = new Reader()
    const wake = (): void => reader.wake()
    this.#readers.add(reader)
    signal?.addEventListener('abort', wake, { once: true })
    try {
      yield* inPieces(this.#snapshot())
      if (ended !== null) {
        yield ended
        return
      }
      while (!isAborted(signal)) {
        const events = reader.take() ?? [...inPieces(this.#snapshot()), ...(this.#last === null ? [] : [this.#last])]
        for (const event of events) {
          yield event
          if (event.kind === 'finished' || isAborted(signal)) return
        }
        await reader.next(signal)
      }
    } finally {
      this.#readers.delete(reader)
      signal?.removeEventListener('abort', wake)
    }
  }
}

/** What one reader hasn't seen yet. Of a stage, the last state counts; curve points are kept one by one. */
class Reader {
  #pending = new Map<string, StudyEvent>()
  #lagging = false
  #wake: (() => void) | null = null

  add(event: StudyEvent): void {
    const name = nameOf(event)
    // A stage's newer state takes the place at the end: what came between may refer to it.
    this.#pending.delete(name)
    this.#pending.set(name, event)
    if (this.#pending.size > mostPending) {
      this.#pending.clear()
      this.#lagging = true
    }
    this.wake()
  }

  /** Null when it fell behind. */
  take(): readonly StudyEvent[] | null {
    const events = [...this.#pending.values()]
    const lagging = this.#lagging
    this.#pending = new Map()
    this.#lagging = false
    return lagging ? null : events
  }

  wake(): void {
    this.#wake?.()
  }

  async next(signal?: AbortSignal): Promise<void> {
    if (this.#pending.size > 0 || this.#lagging || isAborted(signal)) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = null
  }
}

function nameOf(event: StudyEvent): string {
  switch (event.kind) {
    case 'stage':
      return `stage ${event.stage.key}`
    case 'curve':
      return `curve ${event.key} ${event.point.epoch}`
    default:
      return event.kind
  }
}
