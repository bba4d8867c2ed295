import type { DiscoveryLog, Variant } from '../../domain/discovery/log.ts'
import type { GeneratedJourney } from './generated-services.ts'

/** Journeys as discovery takes them, by plain TypeScript: what the statements of queries/discover.ts must give too. */
export function discoveryLog(journeys: readonly GeneratedJourney[]): DiscoveryLog {
  const names = [...new Set(journeys.flatMap(({ steps }) => steps.map(({ step }) => step)))].sort()
  const index = new Map(names.map((name, place) => [name, place]))
  const variants = new Map<string, Variant>()
  for (const { steps, completedAt } of journeys) {
    const events = steps.map(({ step, at }) => ({ place: index.get(step) ?? 0, at }))
    if (completedAt !== null) events.push({ place: names.length, at: completedAt })
    // At one time: by nothing but the place, and marked as tied.
    events.sort((a, b) => a.at - b.at || a.place - b.place)
    const path: number[] = []
    const tied: number[] = []
    let last = Number.NaN
    for (const { place, at } of events) {
      if (place === path.at(-1)) {
        last = at
        continue
      }
      path.push(place)
      tied.push(at === last && place !== names.length ? 1 : 0)
      last = at
    }
    const key = JSON.stringify([path, tied])
    const known = variants.get(key)
    variants.set(key, { path, tied, journeys: (known?.journeys ?? 0) + 1 })
  }
  return { names, variants: [...variants.values()] }
}
