import { param, raw, sql, type Sql } from '../domain/sql.ts'
import type { QueryContext } from './context.ts'
import { totalsOf } from './counts.ts'
import type { Ground } from './ground.ts'
import { groupingOf, type Grouping } from './grouping.ts'
import { cutsNoTally } from './sealed/cover.ts'
import { keptValues } from './sealed/groups.ts'
import { standingOf, type Grain, type Standing } from './sealed/standing.ts'
import { addSum, countsOfSum, emptySum, hasAny, type Sum } from './sealed/sums.ts'
import { askOf, sealedTallies } from './sealed/tallies.ts'
import type { Subject } from './subject.ts'
import { onVerdicts, stateCodes, type StateName } from './verdicts.ts'

/** What became of the journeys of one piece of a period. */
export interface Piece {
  readonly states: Readonly<Record<StateName, number>>
  readonly elapsedStarted: number
  readonly elapsedCompleted: number
  /** Of the started, who reached the position that is asked about. */
  readonly reached: number
  readonly elapsedReached: number
}

/** Pieces by their start (ms), of all journeys, of one value (null: without one) or of all other values together. */
export interface PieceGroup {
  readonly whole: boolean
  readonly value: string | null
  readonly other: boolean
  readonly pieces: ReadonlyMap<number, Piece>
}

export interface PiecesAsked {
  /** Ascending, ms; the first is where the period begins. */
  readonly starts: readonly number[]
  /** The coarsest tallies that lie within one piece each. */
  readonly grain: Grain
  readonly position: number | null
  readonly breakdown: string | undefined
  readonly rowsMax: number
}

/**
 * What became of a subject's journeys, by piece of its period. From sealed tallies where the question can be answered from
 * them, else journey by journey. Both say the same.
 * @returns the whole first, then values: most started first, without a value, others
 */
export async function piecesOf(
  context: QueryContext,
  ground: Ground,
  subject: Subject,
  asked: PiecesAsked,
): Promise<readonly PieceGroup[]> {
  const standing = standingOf(ground, subject, asked.breakdown, asked.grain)
  return standing !== null && cutsNoTally(asked.starts, standing.begins, standing.cover)
    ? sealedPieces(context, subject, standing, asked)
    : countedPieces(context, subject, asked)
}

/** Reads and costs as sealedTallies(). */
async function sealedPieces(
  context: QueryContext,
  subject: Subject,
  standing: Standing,
  { starts, position, breakdown, rowsMax }: PiecesAsked,
): Promise<readonly PieceGroup[]> {
  const tallies = await sealedTallies(askOf(context), subject, standing, { starts, times: false })
  const piece = (sum: Sum) => pieceOf(sum, subject, position)
  const whole = new Map<number, Piece>()
  const byValue = new Map<string | null, Map<number, Sum>>()
  const sums = new Map<string | null, Sum>()
  for (const [start, values] of tallies) {
    const all = emptySum()
    for (const [value, sum] of values) {
      addSum(all, sum, 1)
      const total = sums.get(value) ?? emptySum()
      addSum(total, sum, 1)
      sums.set(value, total)
      byValue.set(value, (byValue.get(value) ?? new Map<number, Sum>()).set(start, sum))
    }
    whole.set(start, piece(all))
  }
  const groups: PieceGroup[] = [{ whole: true, value: null, other: false, pieces: whole }]
  if (breakdown === undefined) return groups
  const kept = keptValues(rowsMax, subject, sums)
  const row = (value: string | null, other: boolean, some: ReadonlyMap<number, Sum>): PieceGroup => ({
    whole: false,
    value,
    other,
    pieces: new Map([...some].map(([start, sum]) => [start, piece(sum)])),
  })
  for (const value of kept) groups.push(row(value, false, byValue.get(value) ?? new Map<number, Sum>()))
  const without = sums.get(null)
  if (without !== undefined && hasAny(without))
    groups.push(row(null, false, byValue.get(null) ?? new Map<number, Sum>()))
  const others = new Map<number, Sum>()
  for (const [value, some] of byValue) {
    if (value === null || kept.includes(value)) continue
    for (const [start, sum] of some) {
      const other = others.get(start) ?? emptySum()
      addSum(other, sum, 1)
      others.set(start, other)
    }
  }
  if ([...others.values()].some(hasAny)) groups.push(row(null, true, others))
  return groups
}

function pieceOf(sum: Sum, { funnel }: Subject, position: number | null): Piece {
  const counts = countsOfSum(sum, funnel)
  const { completed, failed, abandoned, open, elapsed, unstarted, excluded } = totalsOf(counts)
  return {
    states: { completed, failed, abandoned, open, excluded, unstarted },
    elapsedStarted: elapsed.started,
    elapsedCompleted: elapsed.completed,
    reached: position === null ? 0 : (counts.entered[position - 1] ?? 0),
    elapsedReached: position === null ? 0 : (counts.elapsedEntered[position - 1] ?? 0),
  }
}

interface Row {
  /** Start of the piece, ms. */
  readonly pieceStart: string
  readonly whole: number
  readonly value: string | null
  readonly other: number
  readonly anyStale: number
  /** By state code. */
  readonly states: readonly string[]
  readonly elapsedStarted: string
  readonly elapsedCompleted: string
  readonly reached: string
  readonly elapsedReached: string
}

/**
 * Reads   journeysOf() once, and once more when a dimension has more values than a breakdown has rows.
 * Cost    one pass over the period's journeys; a search among the pieces for each.
 */
async function countedPieces(
  context: QueryContext,
  subject: Subject,
  { starts, position, breakdown, rowsMax }: PiecesAsked,
): Promise<readonly PieceGroup[]> {
  const ask = (grouping: Grouping | null) =>
    onVerdicts(subject, async (journeys) => {
      const rows = await context.reads.select<Row>(statement(journeys, starts, position, grouping), {
        secondsMax: context.limits.querySecondsMax,
      })
      return { result: gathered(rows), stale: rows.some(({ anyStale }) => anyStale > 0) }
    })
  if (breakdown === undefined) return ask(null)
  const every = await ask({ dimension: breakdown, kept: null })
  const kept = every.flatMap(({ value }) => value ?? []).slice(0, rowsMax)
  if (every.filter(({ value }) => value !== null).length <= kept.length) return every
  return ask({ dimension: breakdown, kept })
}

function statement(journeys: Sql, starts: readonly number[], position: number | null, grouping: Grouping | null): Sql {
  const reached = position === null ? '0' : `bitTest(entered, ${position - 1})`
  const { columns, group } = groupingOf(grouping)
  const slot = sql`roundDown(seenAt, ${param('Array(Int64)', starts)}) AS pieceStart`
  return sql`
    SELECT pieceStart, ${group}, max(stale) AS anyStale,
      countResample(0, ${raw(String(Object.keys(stateCodes).length))}, 1)(state) AS states,
      countIf(elapsed) AS elapsedStarted,
      countIf(elapsed AND state = ${raw(String(stateCodes.completed))}) AS elapsedCompleted,
      countIf(${raw(reached)}) AS reached,
      countIf(${raw(`elapsed AND ${reached}`)}) AS elapsedReached
    FROM (SELECT *, ${columns}, ${slot} FROM (${journeys}))
    ${raw(grouping === null ? 'GROUP BY pieceStart' : 'GROUP BY GROUPING SETS ((pieceStart), (pieceStart, value, other))')}`
}

function gathered(rows: readonly Row[]): readonly PieceGroup[] {
  const groups = new Map<string, { readonly group: Omit<PieceGroup, 'pieces'>; readonly pieces: Map<number, Piece> }>()
  const whole = { whole: true, value: null, other: false }
  groups.set('whole', { group: whole, pieces: new Map() })
  for (const row of rows) {
    const group = row.whole === 1 ? whole : { whole: false, value: row.value, other: row.other === 1 }
    const key = group.whole ? 'whole' : JSON.stringify([group.value, group.other])
    const known = groups.get(key) ?? { group, pieces: new Map<number, Piece>() }
    groups.set(key, known)
    known.pieces.set(Number(row.pieceStart), pieceOfRow(row))
  }
  const started = ({ pieces }: { readonly pieces: ReadonlyMap<number, Piece> }) =>
    [...pieces.values()].reduce(
      (sum, { states: { completed, failed, abandoned, open } }) => sum + completed + failed + abandoned + open,
      0,
    )
  const place = ({ group: { whole: all, value, other } }: { readonly group: Omit<PieceGroup, 'pieces'> }) =>
    all ? 0 : other ? 3 : value === null ? 2 : 1
  return [...groups.values()]
    .sort(
      (a, b) =>
        place(a) - place(b) || started(b) - started(a) || ((a.group.value ?? '') < (b.group.value ?? '') ? -1 : 1),
    )
    .map(({ group, pieces }) => ({ ...group, pieces }))
}

function pieceOfRow(row: Row): Piece {
  const of = (state: StateName) => Number(row.states[stateCodes[state]] ?? 0)
  return {
    states: {
      completed: of('completed'),
      failed: of('failed'),
      abandoned: of('abandoned'),
      open: of('open'),
      excluded: of('excluded'),
      unstarted: of('unstarted'),
    },
    elapsedStarted: Number(row.elapsedStarted),
    elapsedCompleted: Number(row.elapsedCompleted),
    reached: Number(row.reached),
    elapsedReached: Number(row.elapsedReached),
  }
}
