import { param, raw, sql, type Sql } from '../domain/sql.ts'
import type { Subject } from './subject.ts'
import { reachesInto, stateCodes } from './verdicts.ts'

/** A step asked about. */
export interface Focus {
  readonly step: string
  /** Where it stands in the funnel; null for a name that is nowhere, and of order any. */
  readonly position: number | null
}

/** What is counted of a journey. */
export const pathKinds = {
  started: 0,
  elapsed: 1,
  seen: 2,
  entered: 3,
  began: 4,
  ended: 5,
  stopped: 6,
  nothing: 7,
  next: 8,
  previous: 9,
  loops: 10,
  edges: 11,
  insteadNext: 12,
  insteadLast: 13,
  stale: 14,
} as const
/** Kind of an item that does not apply. */
const nothing = raw('255')

export type ListName = 'next' | 'previous' | 'loops' | 'edges' | 'insteadNext' | 'insteadLast'

/**
 * One row for each thing counted: journeys (each once), how often, what became of them, and how many rows of its
 * kind there are. Most journeys first, of equals in a fixed order. A kind `stale` says that there was a verdict
 * of another version.
 *
 * Reads   journeysOf() and facts FINAL of the same journeys.
 * Cost    a hash table of the period's journeys, then their step events once.
 */
export function pathsStatement(subject: Subject, journeys: Sql, focus: Focus | null, limit: number): Sql {
  return sql`
    SELECT kind, a, b, journeys, times, completed, lost, count() OVER (PARTITION BY kind) AS rows,
      cityHash64(kind, a, b) AS key
    FROM (
      SELECT item.1 AS kind, item.2 AS a, item.3 AS b, countIf(nth = 1) AS journeys, count() AS times,
        countIf(nth = 1 AND state = ${code('completed')}) AS completed,
        countIf(nth = 1 AND state IN (${code('failed')}, ${code('abandoned')})) AS lost
      FROM (${itemRows(subject, journeys, focus)})
      GROUP BY kind, a, b)
    ORDER BY kind, journeys DESC, a, b
    LIMIT ${raw(String(limit))} BY kind`
}

/** Of each kind, journeys that are in a row that is not kept, each once. @param kept `key` of rows that are */
export function othersStatement(subject: Subject, journeys: Sql, focus: Focus | null, kept: readonly bigint[]): Sql {
  return sql`
    SELECT item.1 AS kind, uniqExact(journey) AS journeys
    FROM (${itemRows(subject, journeys, focus)})
    WHERE cityHash64(item.1, item.2, item.3) NOT IN ${param('Array(UInt64)', kept)}
    GROUP BY kind`
}

/** Columns: journey, state, item (kind, a, b), and nth, which is 1 the first time that a journey has the item. */
function itemRows(subject: Subject, journeys: Sql, focus: Focus | null): Sql {
  const { service, period } = subject
  return sql`
    SELECT journey, state, each.1 AS item, each.2 AS nth
    FROM (
      SELECT journey, state,
        if(stale = 1, ${oneItem('stale')}, arrayFilter(e -> e.1 != ${nothing}, ${items(focus)})) AS found,
        arrayJoin(arrayZip(found, arrayEnumerateUniq(found.1, found.2, found.3))) AS each
      FROM (
        SELECT *, arrayPopBack(s) AS us, arrayPopFront(s) AS vs,
          arrayEnumerateDense(s) AS firsts, arrayPopBack(firsts) AS ufs, arrayPopFront(firsts) AS vfs,
          ${turningPoint(subject, focus)} AS turn, arraySlice(s, turn + 1) AS rest,
          if(turn = 0, 0, arrayFirstIndex(h -> h != s[turn], rest)) AS away
        FROM (
          SELECT trails.journey AS journey, trails.step AS s, trails.at AS at, judged.state AS state, judged.depth AS depth,
            judged.entered AS entered, judged.times AS times, judged.elapsed AS elapsed, judged.stale AS stale
          FROM (SELECT journey, step, at FROM facts FINAL
            WHERE service = ${param('String', service.id)} AND ${reachesInto(period)}) AS trails
          INNER JOIN (SELECT journey, state, depth, entered, times, elapsed, stale FROM (${journeys})
            WHERE depth > 0 OR stale = 1) AS judged
          ON trails.journey = judged.journey)))`
}

/** Index of the event after which a journey did not go on; 0 when it went on, or never came. */
function turningPoint({ funnel }: Subject, focus: Focus | null): Sql {
  if (focus === null) return raw('0')
  if (focus.position !== null) {
    const names = funnel.positions[focus.position - 1]?.names ?? []
    // Of events at the very millisecond the last: what of them came before the position is not told apart from what came after.
    return sql`if(depth = ${raw(String(focus.position))}, arrayLastIndex((h, t) -> t = times[-1] AND has(${hashes(names)}, h), s, at), 0)`
  }
  const all = funnel.positions.flatMap(({ names }) => names)
  return sql`if(arrayLastIndex(h -> has(${hashes(all)}, h), s) > arrayLastIndex(h -> h = ${hash(focus.step)}, s),
    0, arrayLastIndex(h -> h = ${hash(focus.step)}, s))`
}

/** Items of a journey; those that do not apply have the kind `nothing`. */
function items(focus: Focus | null): Sql {
  const always = sql`[${item(kind('started'))}, ${itemIf('elapsed', raw('elapsed'))}]`
  return sql`arrayConcat(${always}, ${focus === null ? serviceItems : stepItems(focus)})`
}

/** The start and the end of a journey stand where otherwise a step does. */
const serviceItems = sql`
  [${itemIf('seen', raw('notEmpty(s)'))}, ${itemIf('began', raw('notEmpty(s)'))}, ${itemIf('ended', raw('notEmpty(s)'))},
    ${itemIf('next', raw('notEmpty(s)'), 's[1]')}, ${itemIf('previous', raw('notEmpty(s)'), 's[-1]')}],
  arrayMap((u, v) -> ${itemIf('edges', raw('u != v'), 'u', 'v')}, us, vs),
  arrayMap((u, v, uf, vf) -> ${itemIf('loops', raw('vf <= uf'), 'u', 'v')}, us, vs, ufs, vfs)`

function stepItems({ step, position }: Focus): Sql {
  const here = hash(step)
  const entered = position === null ? raw('0') : raw(`bitTest(entered, ${position - 1})`)
  return sql`
    [${itemIf('seen', sql`has(s, ${here})`)}, ${itemIf('entered', entered)},
      ${itemIf('began', sql`s[1] = ${here}`)}, ${itemIf('ended', sql`s[-1] = ${here}`)},
      ${itemIf('stopped', raw('turn > 0'))}, ${itemIf('nothing', raw('turn > 0 AND away = 0'))},
      ${itemIf('insteadNext', raw('away > 0'), 'rest[away]')}, ${itemIf('insteadLast', raw('away > 0'), 's[-1]')}],
    arrayMap((u, v) -> ${itemIf('next', sql`u = ${here} AND v != u`, 'v')}, us, vs),
    arrayMap((u, v) -> ${itemIf('previous', sql`v = ${here} AND v != u`, 'u')}, us, vs),
    arrayMap((u, v, uf, vf) -> ${itemIf('loops', sql`vf <= uf AND (u = ${here} OR v = ${here})`, 'u', 'v')}, us, vs, ufs, vfs)`
}

function itemIf(name: keyof typeof pathKinds, condition: Sql, a = '0', b = '0'): Sql {
  return item(sql`if(${condition}, ${kind(name)}, ${nothing})`, a, b)
}

function item(kinds: Sql, a = '0', b = '0'): Sql {
  return sql`(toUInt8(${kinds}), toUInt64(${raw(a)}), toUInt64(${raw(b)}))`
}

const oneItem = (name: keyof typeof pathKinds) => sql`[${item(kind(name))}]`

function hash(step: string): Sql {
  return sql`xxh3(${param('String', step)})`
}

function hashes(steps: readonly string[]): Sql {
  return sql`arrayMap(name -> xxh3(name), ${param('Array(String)', steps)})`
}

function kind(name: keyof typeof pathKinds): Sql {
  return raw(String(pathKinds[name]))
}

function code(state: keyof typeof stateCodes): Sql {
  return raw(String(stateCodes[state]))
}
