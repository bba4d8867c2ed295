import type { Erasure, Erasures } from '../../domain/ports/erasures.ts'

/** A list of erasures that lives as long as the test. */
export function openMemoryErasures(some: readonly Erasure[] = []): Erasures {
  const held = new Map<string, Erasure>()
  const keyOf = ({ service, journey }: Pick<Erasure, 'service' | 'journey'>) => `${service} ${journey}`
  const add = (erasure: Erasure) => {
    const before = held.get(keyOf(erasure))
    if (before === undefined || before.at > erasure.at) held.set(keyOf(erasure), erasure)
  }
  some.forEach(add)
  return {
    has: (service, journey) => held.has(keyOf({ service, journey })),
    add: async (erasures) => erasures.forEach(add),
    list: async ({ after, limit }) =>
      [...held.values()]
        .filter(
          ({ service, journey }) =>
            after === undefined || service > after.service || (service === after.service && journey > after.journey),
        )
        .sort((a, b) => (a.service === b.service ? (a.journey < b.journey ? -1 : 1) : a.service < b.service ? -1 : 1))
        .slice(0, limit),
    refresh: () => Promise.resolve(),
    size: () => held.size,
  }
}
