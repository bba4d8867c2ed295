import { seededRandom, type Random } from '../../domain/random.ts'
import { eventTypes, outcomes, type StoredEvent } from '../../domain/stored-event.ts'
import { trailContent } from '../../domain/trail-content.ts'
import type { Shape } from './query-services.ts'

/** How one journey may go: its events in order, each so long after the one before. */
export interface Path {
  readonly events: readonly Omit<StoredEvent, 'service' | 'journey' | 'identity' | 'at' | 'channel' | 'dimensions'>[]
  /** Milliseconds since the event before; 0 for the first. */
  readonly gapsMs: readonly number[]
}

/** So many different ways a shape; a journey is one of them, with pauses of its own. */
export const pathsPerShape = 4096

/** One journey in so many is left, and gone on with hours or days later. */
const returning = 7
const hourMs = 3_600_000

/** The same seed gives the same paths. */
export function makePaths(shape: Shape, pages: readonly string[]): Path[] {
  const random = seededRandom(shape.length * 7919 + pages.length)
  return Array.from({ length: pathsPerShape }, (_, index) => onePath(random, pages, index % returning === 0))
}

/** Beacon-shaped: a step a page, now and then an error, a leave, feedback, something saved, seldom an outcome. */
function onePath(random: Random, pages: readonly string[], comesBack: boolean): Path {
  const events: Path['events'][number][] = []
  const gapsMs: number[] = []
  const add = (type: StoredEvent['type'], step: string, some: Partial<StoredEvent> = {}) => {
    const nothing = { outcome: '', field: '', code: '', rating: 0, engagedMs: 0 } as const
    events.push({ ...nothing, type, step, seq: events.length, ...some })
    // Most pages are read in half a minute, some in ten: log-normal.
    const pause = Math.exp(Math.log(25_000) + 1.1 * normal(random))
    gapsMs.push(gapsMs.length === 0 ? 0 : Math.round(Math.min(Math.max(pause, 2_000), 1_800_000)))
  }
  // Of more pages fewer are left at each; with seven a journey has 4 events on average.
  const left = 2 / (pages.length + 0.2)
  for (let position = 0; position < pages.length;) {
    const page = pages[position] ?? ''
    add('step', page)
    if (random.chance(0.08)) add('error', page, { field: 'postcode', code: random.pick(['format', 'missing']) })
    if (random.chance(0.15)) add('leave', page, { engagedMs: random.whole(1_000, 90_000) })
    if (random.chance(0.005)) add('save', page)
    if (random.chance(left)) break
    // A page back, or the next one; seldom one is skipped.
    position = random.chance(0.08) ? Math.max(0, position - 1) : position + (random.chance(0.02) ? 2 : 1)
  }
  if (random.chance(0.01)) add('outcome', '', { outcome: random.pick(outcomes) })
  if (random.chance(0.005)) add('feedback', '', { rating: random.whole(1, 5) })
  if (comesBack && events.length === 1) add('resume', '')
  if (comesBack) gapsMs[random.whole(1, gapsMs.length - 1)] = random.whole(2 * hourMs, 6 * 24 * hourMs)
  return { events, gapsMs }
}

/** A path as a row of the benchmark's table of paths: see query-rows.ts. */
export function pathRow(shape: Shape, id: number, { events, gapsMs }: Path): readonly unknown[] {
  return [
    shape,
    id,
    gapsMs,
    events.map(({ type }) => eventTypes.indexOf(type) + 1),
    events.map(({ step, type }) => (type === 'step' ? step : '')),
    events.map(({ seq }) => seq),
    events.map(({ outcome }) => outcomes.findIndex((known) => known === outcome) + 1),
    events.map(({ engagedMs }) => engagedMs),
    events.map((event) =>
      trailContent({
        ...event,
        service: '',
        journey: '',
        identity: 0,
        at: 0,
        channel: 'online',
        // What follows is the journey's own.
        dimensions: [],
      }),
    ),
  ]
}

const devices = [
  ['mobile', 52],
  ['desktop', 33],
  ['tablet', 8],
  ['', 7],
] as const
const licences = [
  ['trout', 60],
  ['salmon', 25],
  ['sea', 15],
] as const
const browsers = [
  ['chrome', 48],
  ['safari', 34],
  ['edge', 12],
  ['firefox', 6],
] as const
const referrers = [
  ['none', 40],
  ['search', 35],
  ['internal', 20],
  ['other', 5],
] as const

/** So many draws of what a journey says of itself. */
export const attributesCount = 1024

export function makeAttributes(): StoredEvent['dimensions'][] {
  const random = seededRandom(11)
  return Array.from({ length: attributesCount }, () => {
    const device = weighted(random, devices)
    return [
      ['browser', weighted(random, browsers)],
      ...(device === '' ? [] : [['device', device] as const]),
      ['licence-type', weighted(random, licences)],
      ['referrer', weighted(random, referrers)],
    ] as const
  })
}

/** So many draws of the hour of the week in which a journey begins. */
export const hoursCount = 4096

/** Hours since `from`, of a week: people come by day, and less on a Saturday and Sunday. */
export function makeHours(from: number): number[] {
  const random = seededRandom(13)
  const weights = Array.from({ length: 7 * 24 }, (_, hour) => {
    const at = new Date(from + hour * hourMs)
    const byDay = 0.03 + Math.max(0, Math.sin(((at.getUTCHours() - 6) / 17) * Math.PI))
    return [hour, byDay * (at.getUTCDay() % 6 === 0 ? 0.45 : 1)] as const
  })
  return Array.from({ length: hoursCount }, () => weighted(random, weights))
}

function weighted<Value>(random: Random, choices: readonly (readonly [Value, number])[]): Value {
  let rest = random.next() * choices.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [value, weight] of choices) {
    rest -= weight
    if (rest < 0) return value
  }
  throw new Error('a choice among nothing')
}

/** Standard normal: Box and Muller (1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}
