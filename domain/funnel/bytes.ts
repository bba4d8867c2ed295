import type { Funnel } from '../service.ts'
import { raw, sql, type Sql } from '../sql.ts'
import { bindAll } from './let.ts'
import { runType } from './outcomes.ts'

/** A byte names an event, so no more events than this. */
export const eventsMax = 255
/** A run of so many positions and its count fit the widest whole number, a byte each. */
export const positionsMax = 31

/**
 * The run that counts of a funnel with optional positions, where no window can end one run sooner than another
 * and no two events are equal in (at, seq): one pass over the events that keeps the best run of each position.
 *
 * A run is one number, so written that the greater is the better: a byte for how many positions it has,
 * one for the event that it started at, then for each next position 255 less its event.
 *
 * Reads `w_events`, bound around it: (positions, keys), sorted by key; 0 fits no position.
 */
export function bytesRun(funnel: Funnel): Sql {
  const last = funnel.positions.length
  const top = last * 8
  const byte = `toUInt8(bitAnd(bitShiftRight(w_best, ${top} - 8 * w_j), 255))`
  const taken = `arrayMap(w_j -> if(w_j = 1, ${byte}, toUInt8(255 - ${byte})), range(1, toUInt8(bitShiftRight(w_best, ${top})) + 1))`
  return bindAll(
    [
      { w_end: pass(funnel) },
      { w_best: raw(`w_end.${last + 2}`) },
      { w_taken: raw(taken) },
      {
        w_entered: raw('arrayMap(w_g -> w_events.1[w_g], w_taken)'),
        w_times: raw('arrayMap(w_g -> bitShiftRight(w_events.2[w_g], 13), w_taken)'),
      },
    ],
    sql`CAST((w_end.${raw(String(last + 1))}, bitShiftRight(arraySum(w_p -> bitShiftLeft(toUInt64(1), w_p), w_entered), 1), w_times) AS ${raw(runType)})`,
  )
}

/** The fold over events: the best run at each position, then depth and the first run that reached it, the best of those. */
function pass(funnel: Funnel): Sql {
  const last = funnel.positions.length
  const top = last * 8
  const type = last <= 7 ? 'UInt64' : last <= 15 ? 'UInt128' : 'UInt256'
  const numbers = funnel.positions.map((_, index) => index + 1)
  const from = numbers.slice(1).map((position) => `w_p = ${position}, ${before(funnel, position)}`)
  const start = `bitShiftLeft(to${type}(1), ${top}) + bitShiftLeft(to${type}(w_g), ${top - 8})`
  const grown = `w_from + bitShiftLeft(to${type}(1), ${top}) + bitShiftLeft(to${type}(255 - w_g), ${top} - 8 * (toUInt8(bitShiftRight(w_from, ${top})) + 1))`
  const kept = (position: number) => (funnel.order === 'strict' ? `to${type}(0)` : `w_s.${position}`)
  const next = numbers.map((position) => `if(w_p = ${position}, greatest(w_s.${position}, w_run), ${kept(position)})`)
  const deeper = `w_run != 0 AND w_p > w_s.${last + 1}`
  const step = bindAll(
    [
      { w_from: raw(`multiIf(${from.join(', ')}, to${type}(0))`) },
      { w_run: raw(`multiIf(w_p = 1, to${type}(${start}), w_from != 0, to${type}(${grown}), to${type}(0))`) },
    ],
    raw(`(${next.join(', ')}, if(${deeper}, w_p, w_s.${last + 1}), if(${deeper}, w_run, w_s.${last + 2}))`),
  )
  const zeros = numbers.map(() => `to${type}(0)`).join(', ')
  return sql`arrayFold((w_s, w_g, w_p) -> ${step}, arrayMap(w_g -> toUInt8(w_g), arrayEnumerate(w_events.1)), w_events.1, (${raw(zeros)}, toUInt8(0), to${raw(type)}(0)))`
}

/** The best run that a position may follow: at the position before it, or before optional ones. */
function before(funnel: Funnel, position: number): string {
  const runs = [`w_s.${position - 1}`]
  for (let at = position - 1; at > 1 && funnel.positions[at - 1]?.optional === true; at -= 1) runs.push(`w_s.${at - 1}`)
  return runs.length === 1 ? (runs[0] ?? '') : `greatest(${runs.join(', ')})`
}
