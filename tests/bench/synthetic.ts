import type { StoredEvent } from '../../domain/stored-event.ts'
import { seededRandom, type Random } from '../support/random.ts'
import { steps } from './programs.ts'

/** Journeys that overlap in time: so many are under way at once. */
const journeysAtOnce = 5_000

/**
 * Beacon-shaped events in the order in which they would arrive, one appended batch a page view: a step with an
 * id of its own and its dimensions, now and then an error or a leave; 4 events a journey on average, with loops back.
 * The same seed gives the same events.
 */
export function* syntheticEvents(
  seed: number,
  events: number,
  services: readonly string[],
  from: number,
): Generator<StoredEvent[]> {
  const random = seededRandom(seed)
  let made = 0
  for (let second = 0; made < events; second += 600) {
    const chunk: StoredEvent[] = []
    for (let journey = 0; journey < journeysAtOnce; journey++)
      chunk.push(...oneJourney(random, services, from + second * 1000))
    chunk.sort((a, b) => a.at - b.at)
    for (const event of chunk) {
      if (made++ >= events) return
      yield [event]
    }
  }
}

const devices = ['desktop', 'mobile', 'mobile', 'tablet'] as const
const browsers = ['chrome', 'chrome', 'safari', 'firefox', 'edge', 'samsung-internet'] as const
const referrers = ['none', 'search', 'internal', 'other'] as const
const licences = ['coarse', 'salmon', 'sea', 'trout'] as const

function oneJourney(random: Random, services: readonly string[], from: number): StoredEvent[] {
  // Services differ in size as real ones do: a few are large.
  const service = services[Math.floor(random.next() ** 2 * services.length)] ?? services[0] ?? 'bench'
  const journey = hex(random, 16)
  const dimensions = [
    ['browser', random.pick(browsers)],
    ['device', random.pick(devices)],
    ['licence-type', random.pick(licences)],
    ['referrer', random.pick(referrers)],
  ] as const
  const events: StoredEvent[] = []
  let at = from + random.whole(0, 599_999)
  let seq = 0
  const add = (some: Partial<StoredEvent> & Pick<StoredEvent, 'type'>) => {
    events.push({
      service,
      journey,
      identity: identityOf(random),
      step: '',
      at,
      seq: seq++,
      outcome: '',
      field: '',
      code: '',
      rating: 0,
      engagedMs: 0,
      channel: 'online',
      dimensions,
      ...some,
    })
    at += random.whole(2_000, 60_000)
  }
  for (let position = 0; position < steps.length;) {
    const step = steps[position] ?? 'start'
    add({ type: 'step', step })
    if (random.chance(0.08)) add({ type: 'error', step, field: 'postcode', code: 'format' })
    if (random.chance(0.15)) add({ type: 'leave', step, engagedMs: random.whole(1_000, 90_000) })
    if (random.chance(0.28)) return events
    position = random.chance(0.08) ? Math.max(0, position - 1) : position + 1
  }
  return events
}

/** 40 random bits, and the one of an event that came with an id. */
export function identityOf(random: Random): number {
  return random.whole(0, 2 ** 20 - 1) * 2 ** 21 + random.whole(0, 2 ** 20 - 1) * 2 + 1
}

export function hex(random: Random, digits: number): string {
  let text = ''
  while (text.length < digits) text += random.whole(0, 0xffff).toString(16).padStart(4, '0')
  return text
}
