import type { StoredEvent } from '../domain/stored-event.ts'

export const stepNameColumns = ['service', 'step', 'lastSeen'] as const

const hourMs = 3_600_000

/** Says which names are to be written: each once an hour, since `lastSeen` is kept to the hour. */
export interface StepNames {
  unseen(
    events: readonly StoredEvent[],
    now: number,
  ): readonly (readonly [service: string, step: string, lastSeen: number])[]
  /** Call it once they are durable. */
  written(rows: readonly (readonly [service: string, step: string, lastSeen: number])[]): void
}

export function createStepNames(): StepNames {
  let hour = 0
  /** Names of this hour; the collector bounds how many a service can have. */
  let seen = new Map<string, Set<string>>()
  return {
    unseen(events, now) {
      const current = now - (now % hourMs)
      if (current !== hour) {
        hour = current
        seen = new Map()
      }
      const fresh = new Map<string, Set<string>>()
      for (const { service, step } of events) {
        if (step === '' || seen.get(service)?.has(step)) continue
        const names = fresh.get(service)
        if (names === undefined) fresh.set(service, new Set([step]))
        else names.add(step)
      }
      return Array.from(fresh, ([service, names]) => Array.from(names, (step) => [service, step, hour] as const)).flat()
    },
    written(rows) {
      for (const [service, step] of rows) {
        const names = seen.get(service)
        if (names === undefined) seen.set(service, new Set([step]))
        else names.add(step)
      }
    },
  }
}
