/** A set of journeys (16 hex digits each) that only grows, in 16 to 32 bytes of memory each. */
export interface JourneySet {
  has(journey: string): boolean
  /** @returns whether it is new */
  add(journey: string): boolean
  size(): number
}

const slotsMin = 16

/**
 * Open addressing with linear probing over two 32-bit words a slot, at most half of them taken. A journey is a
 * keyed hash, so its own low bits are its place. Both words zero mean an empty slot, so that one journey is
 * kept beside the table.
 */
export function createJourneySet(): JourneySet {
  let slots = new Uint32Array(2 * slotsMin)
  let mask = slotsMin - 1
  let taken = 0
  let hasZero = false

  /** The slot of a journey, or the empty one where it would stand. */
  const find = (table: Uint32Array, within: number, high: number, low: number): number => {
    for (let slot = low & within; ; slot = (slot + 1) & within) {
      const one = table[2 * slot]
      const other = table[2 * slot + 1]
      if ((one === high && other === low) || (one === 0 && other === 0)) return slot
    }
  }

  const grow = (): void => {
    const larger = new Uint32Array(2 * slots.length)
    const within = 2 * mask + 1
    for (let index = 0; index < slots.length; index += 2) {
      const high = slots[index] ?? 0
      const low = slots[index + 1] ?? 0
      if (high === 0 && low === 0) continue
      const slot = find(larger, within, high, low)
      larger[2 * slot] = high
      larger[2 * slot + 1] = low
    }
    slots = larger
    mask = within
  }

  const has = (high: number, low: number): boolean => {
    if (high === 0 && low === 0) return hasZero
    const slot = find(slots, mask, high, low)
    return slots[2 * slot] === high && slots[2 * slot + 1] === low
  }

  return {
    has: (journey) => has(highOf(journey), lowOf(journey)),
    add(journey) {
      const high = highOf(journey)
      const low = lowOf(journey)
      if (has(high, low)) return false
      if (high === 0 && low === 0) {
        hasZero = true
        return true
      }
      if (2 * (taken + 1) > mask + 1) grow()
      const slot = find(slots, mask, high, low)
      slots[2 * slot] = high
      slots[2 * slot + 1] = low
      taken += 1
      return true
    },
    size: () => taken + (hasZero ? 1 : 0),
  }
}

const highOf = (journey: string): number => parseInt(journey.slice(0, 8), 16)
const lowOf = (journey: string): number => parseInt(journey.slice(8), 16)

/** Journeys of services: a service without any costs one look. */
export interface ServiceJourneys {
  has(service: string, journey: string): boolean
  add(service: string, journey: string): boolean
  size(): number
}

export function createServiceJourneys(): ServiceJourneys {
  const services = new Map<string, JourneySet>()
  let size = 0
  return {
    has: (service, journey) => services.get(service)?.has(journey) === true,
    add(service, journey) {
      let journeys = services.get(service)
      if (journeys === undefined) services.set(service, (journeys = createJourneySet()))
      const isNew = journeys.add(journey)
      if (isNew) size += 1
      return isNew
    },
    size: () => size,
  }
}
