import { funnelFault } from '../../domain/service.ts'
import type { Funnel, FunnelInput } from '../../domain/service.ts'
import { outcomes } from '../../domain/stored-event.ts'
import { order } from './oracle-runs.ts'
import type { OracleEvent } from './oracle-runs.ts'
import type { Random } from './random.ts'

/**
 * Few names, short times: so that ties, repeats, overlaps and exact windows are common. `z` is in no position
 * of most funnels: a step from elsewhere in the service.
 */
const alphabet = ['a', 'b', 'c', 'd', 'e', 'f', 'z'] as const

/** Seconds; halves, so that a window may fall between two whole seconds. */
const durations = ['PT1S', 'PT1.5S', 'PT2S', 'PT3S', 'PT4S', 'PT6S'] as const

const orders = ['ordered', 'ordered', 'ordered', 'ordered', 'strict', 'strict', 'any', 'any', 'any'] as const

type Step = FunnelInput['steps'][number]

/** A funnel that the contract admits, of any order. */
export function randomFunnel(random: Random): FunnelInput {
  for (;;) {
    const funnel = candidate(random)
    if (funnelFault(funnel) === null) return funnel
  }
}

function candidate(random: Random): FunnelInput {
  const order = random.pick(orders)
  const length = random.chance(0.1) ? random.whole(5, 7) : random.whole(2, order === 'any' ? 4 : 5)
  const plain = random.chance(0.35)
  const shift = random.whole(0, 5)
  const names = random.whole(2, 6)
  const overlap = plain ? 0 : random.pick([0, 0, 0.3, 0.6])
  const optional = plain || order === 'any' ? 0 : random.pick([0, 0.3, 0.7])
  const within = plain || order === 'any' ? 0 : random.pick([0, 0, 0.4, 0.8])
  const steps = Array.from({ length }, (_, index): Step => {
    const middle = index > 0 && index < length - 1
    const step = plain ? nameAt((index + shift) % 6) : nameAt(random.whole(0, names - 1))
    const options = {
      ...(middle && random.chance(optional) ? { optional: true } : {}),
      ...(index > 0 && random.chance(within) ? { within: random.pick(durations) } : {}),
    }
    if (random.chance(overlap))
      return {
        anyOf: [step, ...Array.from({ length: random.whole(1, 2) }, () => nameAt(random.whole(0, names - 1)))],
        ...options,
      }
    return Object.keys(options).length === 0 ? step : { step, ...options }
  })
  const exclude = random.chance(0.45)
    ? Array.from({ length: random.whole(1, 2) }, () => exclusion(random, order, length))
    : undefined
  return { steps, order, window: random.pick(durations), ...(exclude === undefined ? {} : { exclude }) }
}

function exclusion(
  random: Random,
  order: FunnelInput['order'],
  length: number,
): NonNullable<FunnelInput['exclude']>[number] {
  const step = random.chance(0.4) ? 'z' : nameAt(random.whole(0, 5))
  if (order === 'any' || random.chance(0.3)) return { step }
  const after = random.whole(1, length - 1)
  return { step, after, before: random.whole(after + 1, length) }
}

function nameAt(index: number): string {
  return alphabet[index] ?? alphabet[0]
}

/** A trail that has something to do with the funnel: it follows it for a while, with slips, repeats and noise. */
export function randomTrail(random: Random, funnel: Funnel): OracleEvent[] {
  const events: OracleEvent[] = []
  // A long trail is spread out: a window holds few of its events, so its runs can still be enumerated.
  const long = random.chance(0.02)
  const length = long ? random.whole(20, 50) : random.chance(0.08) ? random.whole(10, 13) : random.whole(0, 9)
  let position = 0
  for (let made = 0; made < length; made += 1) {
    const following = funnel.positions[position]
    let step: string
    if (following !== undefined && random.chance(made === 0 ? 0.85 : 0.55)) {
      step = following.names[random.whole(0, following.names.length - 1)] ?? 'a'
      position += 1
    } else {
      step = noise(random, funnel)
      if (random.chance(0.15)) position = 0
    }
    events.push({ type: 'step', step, ...moment(random, funnel, events, long), outcome: '' })
    if (position >= funnel.positions.length) position = 0
  }
  const ends = random.chance(0.4) ? random.whole(1, 2) : 0
  for (let made = 0; made < ends; made += 1)
    events.push({ type: 'outcome', step: '', ...moment(random, funnel, events), outcome: random.pick(outcomes) })
  if (random.chance(0.05)) events.push({ type: 'error', step: 'a', ...moment(random, funnel, events), outcome: '' })
  return events.sort(order)
}

/** What does not bring the funnel forward, but may spoil it. */
function noise(random: Random, funnel: Funnel): string {
  const excluded = funnel.exclusions[random.whole(0, 1)]
  if (excluded !== undefined && random.chance(0.5)) return excluded.step
  const position = funnel.positions[random.whole(0, funnel.positions.length - 1)]
  if (position !== undefined && random.chance(0.6)) return position.names[0] ?? 'a'
  return random.pick(alphabet)
}

/** Near what matters: at an earlier event, a second on, or a window from an earlier event, exactly or 1 ms off. */
function moment(
  random: Random,
  funnel: Funnel,
  events: readonly OracleEvent[],
  long = false,
): { at: number; seq: number } {
  const latest = events[events.length - 1]
  const seq = random.chance(0.75) ? 0 : random.whole(0, 2)
  if (latest === undefined) return { at: random.pick([1_795_310_603_000, 1_795_310_603_000, 0]), seq }
  const kind = random.next()
  if (kind < (long ? 0.1 : 0.2)) return { at: latest.at, seq }
  if (kind < (long ? 0.95 : 0.75)) return { at: latest.at + random.pick([1, 500, 1000, 1000, 2000]), seq }
  const from = events[random.whole(0, events.length - 1)] ?? latest
  if (kind < 0.8) return { at: from.at, seq: random.chance(0.5) ? from.seq : seq }
  const bounds = [funnel.windowMs, ...funnel.positions.flatMap(({ withinMs }) => withinMs ?? [])]
  const bound = bounds[random.whole(0, bounds.length - 1)] ?? funnel.windowMs
  return { at: Math.max(0, from.at + bound + random.whole(-1, 1)), seq }
}
