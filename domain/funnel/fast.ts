import type { Funnel } from '../service.ts'
import { join, param, raw, sql, type Sql } from '../sql.ts'
import { maskOf, nameExclusions, sharesNames } from './fits.ts'
import { bindAll } from './let.ts'
import { runType } from './outcomes.ts'

/** A byte names a group of events, so no more groups than this. */
const groupsMax = 255
/** A run of so many positions and its count fit the widest whole number, a byte each. */
const positionsMax = 31

/**
 * The run that counts, for nearly every journey of nearly every funnel, at a tenth of the cost of `orderedRun`,
 * which remains for the rest: one number a position is all that the pass keeps.
 *
 * The number is a run, written so that the greater is the better: a byte for how many positions it has, one for
 * the group that it started in, then for each next position 255 less its group. Of the runs that stand at a
 * position one is then best whatever follows, where no window can end one sooner than another. So this asks
 * of a journey that all its events that matter are within one window (or, without optional positions, only that the
 * latest start is best), that none is excluded, and, where the order within a group could matter, that no two have the same
 * (at, seq). `within` is left out and looked at in the end: a run that is best without it, and keeps it,
 * is best.
 * @param otherwise the run of a journey that this cannot judge
 * @returns `null` for a funnel that this can never judge
 */
export function fastRun(funnel: Funnel, otherwise: Sql): Sql | null {
  if (funnel.positions.length > positionsMax || sharesNames(funnel)) return null
  const optional = funnel.positions.some((position) => position.optional)
  const strict = funnel.order === 'strict'
  const tieless = optional || strict
  const bounded = funnel.positions.some(({ withinMs }) => withinMs !== null)
  const excluded = maskOf(raw('w_h'), nameExclusions(funnel))
  const known = maskOf(raw('w_h'), positionNumbers(funnel))
  const window = param('Int64', funnel.windowMs)
  const clean = funnel.exclusions.length === 0 ? raw('1') : sql`NOT arrayExists(w_h -> ${excluded} != 0, step)`
  const events = raw(
    strict
      ? '(w_positions, at, seq)'
      : 'if(has(w_positions, 0), (arrayFilter(w_p -> w_p != 0, w_positions), arrayFilter((w_a, w_p) -> w_p != 0, at, w_positions), arrayFilter((w_q, w_p) -> w_p != 0, seq, w_positions)), (w_positions, at, seq))',
  )
  return bindAll(
    [
      { w_positions: sql`CAST(arrayMap(w_h -> ${known}, step) AS Array(UInt8))`, w_clean: clean },
      { w_e: events },
      {
        w_groups: raw(
          'arrayCumSum((w_a, w_q) -> w_a != 0 OR w_q != 0, arrayDifference(w_e.2), arrayDifference(w_e.3))',
        ),
      },
      {
        w_able: sql`w_clean AND w_groups[-1] < ${raw(String(groupsMax))}${raw(tieless ? ' AND w_groups[-1] + 1 = length(w_groups)' : '')}${
          optional ? sql` AND w_e.2[-1] - w_e.2[1] <= ${window}` : raw('')
        }`,
      },
      { w_fast: sql`if(w_able, ${judged(funnel)}, CAST((0, 0, []) AS ${raw(runType)}))` },
      { w_kept: bounded ? sql`w_able AND ${keepsWithin(funnel)}` : raw('w_able') },
    ],
    sql`if(w_kept, w_fast, ${otherwise})`,
  )
}

/** Names with the number of their position, as no two share one. */
function positionNumbers(funnel: Funnel): ReadonlyMap<string, bigint> {
  return new Map(
    funnel.positions.flatMap(({ names }, index) => names.map((name) => [name, BigInt(index + 1)] as const)),
  )
}

function keepsWithin(funnel: Funnel): Sql {
  const withins = param(
    'Array(Int64)',
    funnel.positions.map(({ withinMs }) => withinMs ?? funnel.windowMs),
  )
  return sql`arrayAll((w_d, w_p) -> w_d <= ${withins}[w_p + 1], arrayDifference(w_fast.3), bitPositionsToArray(w_fast.2))`
}

function judged(funnel: Funnel): Sql {
  const optional = funnel.positions.some((position) => position.optional)
  const depth = funnel.positions.length + 1
  const [, top] = width(funnel)
  const groupOf = `toUInt8(bitAnd(bitShiftRight(w_best, ${top} - 8 * w_j), 255))`
  const groups = `arrayMap(w_j -> if(w_j = 1, ${groupOf}, toUInt8(255 - ${groupOf})), range(1, toUInt8(bitShiftRight(w_best, ${top})) + 1))`
  return bindAll(
    [
      { w_sorted: raw(optional || funnel.order === 'strict' ? '(w_groups, w_e.1, w_e.2)' : sortedByPosition) },
      { w_end: passed(funnel) },
      { w_best: raw(`w_end.${depth + 1}`), w_depth: raw(`w_end.${depth}`) },
      { w_taken: raw(groups) },
    ],
    sql`CAST((w_depth,
      ${raw(optional ? `arraySum(w_g -> bitShiftLeft(toUInt64(1), w_e.1[w_g] - 1), w_taken)` : 'bitShiftLeft(toUInt64(1), w_depth) - 1')},
      arrayMap(w_g -> w_e.2[w_g], ${raw(optional || funnel.order === 'strict' ? 'w_taken' : 'if(w_groups[-1] + 1 = length(w_groups), w_taken, arrayMap(w_g -> indexOf(w_groups, w_g - 1), w_taken))')})) AS ${raw(runType)})`,
  )
}

/** In a group the events of lower positions first, so that a run may take several of the group. */
const sortedByPosition =
  'if(w_groups[-1] + 1 = length(w_groups), (w_groups, w_e.1, w_e.2), arrayMap(w_z -> (w_z.1, w_z.2, w_z.3), [arraySort(arrayZip(w_groups, w_e.1, w_e.2))])[1])'

/** The type that holds a run, and the place of its first byte, in bits. */
function width(funnel: Funnel): readonly [type: string, top: number] {
  const bytes = funnel.positions.length + 1
  const type = bytes <= 8 ? 'UInt64' : bytes <= 16 ? 'UInt128' : 'UInt256'
  return [type, (bytes - 1) * 8]
}

/** The fold over events: a run for each position, then depth and the first run that reached it. */
function passed(funnel: Funnel): Sql {
  const [type, top] = width(funnel)
  const last = funnel.positions.length
  const chain = !funnel.positions.some((position) => position.optional)
  const window = param('Int64', funnel.windowMs)
  const numbers = Array.from({ length: last }, (_, index) => index + 1)
  const from = join(
    numbers.slice(1).map((position) => raw(`w_p = ${position}, ${predecessors(funnel, position)}`)),
    ', ',
  )
  const one = `bitShiftLeft(to${type}(1), ${top})`
  const grown = `w_from + ${one} + bitShiftLeft(to${type}(254 - w_g), ${top} - 8 * (toUInt8(bitShiftRight(w_from, ${top})) + 1))`
  const others = (position: number) => (funnel.order === 'strict' ? `to${type}(0)` : `w_s.${position}`)
  const starts = (position: number) => `w_s.${last + 2 + position}`
  const next = [
    ...numbers.map((position) => raw(`if(w_p = ${position}, greatest(w_s.${position}, w_run), ${others(position)})`)),
    raw(`if(w_run != 0, greatest(w_p, w_s.${last + 1}), w_s.${last + 1})`),
    raw(`if(w_run != 0 AND w_p > w_s.${last + 1}, w_run, w_s.${last + 2})`),
    ...(chain
      ? numbers.map((position) =>
          raw(
            position === 1
              ? `if(w_p = 1, w_t, ${starts(1)})`
              : `if(w_p = ${position} AND w_run > w_s.${position}, ${starts(position - 1)}, ${starts(position)})`,
          ),
        )
      : []),
  ]
  const open = chain
    ? sql` AND w_t - multiIf(${raw(
        numbers
          .slice(1)
          .map((position) => `w_p = ${position}, ${starts(position - 1)}`)
          .join(', '),
      )}, w_t) <= ${window}`
    : raw('')
  const zeros = numbers.map(() => `to${type}(0)`).join(', ')
  return sql`arrayFold((w_s, w_g, w_p, w_t) -> ${bindAll(
    [
      { w_from: sql`multiIf(${from}, to${raw(type)}(0))` },
      {
        w_run: sql`multiIf(w_p = 1, to${raw(type)}(${raw(one)} + bitShiftLeft(to${raw(type)}(w_g + 1), ${raw(String(top - 8))})), w_from != 0${open}, to${raw(type)}(${raw(grown)}), to${raw(type)}(0))`,
      },
    ],
    sql`(${join(next, ', ')})`,
  )}, w_sorted.1, w_sorted.2, w_sorted.3, (${raw(zeros)}, toUInt8(0), to${raw(type)}(0)${raw(chain ? numbers.map(() => ', toInt64(0)').join('') : '')}))`
}

/** The best run that position may follow: at the position before it, or before optional ones. */
function predecessors(funnel: Funnel, position: number): string {
  const before = [`w_s.${position - 1}`]
  for (let at = position - 1; at > 1 && funnel.positions[at - 1]?.optional === true; at -= 1)
    before.push(`w_s.${at - 1}`)
  return before.length === 1 ? (before[0] ?? '') : `greatest(${before.join(', ')})`
}
