import type { EventLog, LogBatch, Unreadable } from '../../domain/ports/event-log.ts'

/** A consumer that runs until it is stopped, and remembers what it was given. */
export interface Reading {
  readonly identities: Set<number>
  readonly unreadable: Unreadable[]
  /** Events given, copies counted. */
  given(): number
  /** Resolves once the condition holds; looked at after every batch that was handled. */
  until(condition: () => boolean): Promise<void>
  stop(): Promise<void>
}

/** @param handle is called with each batch before it counts as handled */
export function startReading(
  log: EventLog,
  handle: (batch: LogBatch) => Promise<void> = () => Promise.resolve(),
): Reading {
  const stop = new AbortController()
  const identities = new Set<number>()
  const unreadable: Unreadable[] = []
  const waiting: { condition: () => boolean; met: () => void }[] = []
  let given = 0
  const running = log.consume(
    async (batch) => {
      given += batch.events.length
      await handle(batch)
      for (const { identity } of batch.events) identities.add(identity)
      unreadable.push(...batch.unreadable)
      for (const one of [...waiting]) if (one.condition()) one.met()
    },
    stop.signal,
    50_000,
  )
  return {
    identities,
    unreadable,
    given: () => given,
    until: (condition) =>
      new Promise((met) => {
        if (condition()) met()
        else waiting.push({ condition, met })
      }),
    async stop() {
      stop.abort()
      await running
    },
  }
}

export interface Load {
  /** Of events that were acknowledged. */
  readonly acknowledged: Set<number>
  readonly refused: Error[]
  /** Resolves once so many more were acknowledged. */
  more(events: number): Promise<void>
  /** Sends no more, and resolves when each append is answered. */
  stop(): Promise<void>
}

/** Clients that append one event after the other, each of a journey of its own, and go on when they are refused. */
export function startLoad(
  log: EventLog,
  clients: number,
  make: (identity: number) => Parameters<EventLog['append']>[0],
): Load {
  const acknowledged = new Set<number>()
  const refused: Error[] = []
  const waiting: { at: number; met: () => void }[] = []
  let next = 0
  let stopped = false
  const client = async (): Promise<void> => {
    while (!stopped) {
      const identity = next++
      try {
        await log.append(make(identity))
        acknowledged.add(identity)
      } catch (error) {
        refused.push(error instanceof Error ? error : new Error(String(error)))
        // As a caller that heeds Retry-After, in short.
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      for (const one of [...waiting]) if (acknowledged.size >= one.at) one.met()
    }
  }
  const running = Promise.all(Array.from({ length: clients }, client))
  return {
    acknowledged,
    refused,
    more: (events) => {
      const at = acknowledged.size + events
      return new Promise((met) => waiting.push({ at, met }))
    },
    async stop() {
      stopped = true
      await running
    },
  }
}
