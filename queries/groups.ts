import { param, raw, sql, type Sql } from '../domain/sql.ts'
import type { QueryContext } from './context.ts'
import { countColumns, isContiguous, readCounts, type CountsRow } from './counts.ts'
import type { Ground } from './ground.ts'
import { groupingOf, type Group, type Grouping } from './grouping.ts'
import type { Subject } from './subject.ts'
import { sealedGroups } from './sealed/groups.ts'
import { standingOf, type Standing } from './sealed/standing.ts'
import { silenceLevel, type Sum } from './sealed/sums.ts'
import { lastOfBin, shownTime } from './times.ts'
import { onVerdicts, stateCodes } from './verdicts.ts'
import { binAt, binOf, binsMax } from '../domain/tally/bins.ts'

interface Row extends CountsRow {
  readonly whole: number
  readonly value: string | null
  readonly other: number
  readonly anyStale: number
  /** By position - 1: median, 90 % and 95 % of the time since the position reached before, ms. */
  readonly since: readonly (readonly string[])[]
  /** By position - 1: 95 % of the time until the position reached next, ms; empty without optional steps. */
  readonly until: readonly string[]
  /** Keys of `Group.quiet` in ascending order, and at each how many journeys have it or a lower one. */
  readonly quiet: { readonly keys: readonly number[]; readonly upTo: readonly number[] }
}

/** Counts and times of a subject's journeys: of all, and by the value of a dimension where one is given. */
export interface Groups {
  readonly whole: Group
  /** Most started first, then without a value, then `other`. Asked when it is called. */
  readonly values: () => Promise<readonly Group[]>
  /** Which values have a row of their own. */
  readonly grouping: Grouping | null
  /** What it was read from, by value, where that is sealed tallies; null: it was counted journey by journey. */
  readonly sealed: { readonly standing: Standing; readonly sums: ReadonlyMap<string | null, Sum> } | null
}

/** From sealed tallies where the question can be answered from them, else journey by journey. Both say the same. */
export function groupsOf(context: QueryContext, ground: Ground, subject: Subject, dimension?: string): Promise<Groups> {
  const standing = standingOf(ground, subject, dimension)
  return standing === null
    ? countedGroups(context, subject, dimension)
    : sealedGroups(context, subject, standing, dimension)
}

/**
 * Reads   journeysOf() once, and once more when a dimension has more values than a breakdown has rows.
 * Cost    one pass over the period's journeys; exact quantiles hold 8 bytes a journey and position.
 */
async function countedGroups(context: QueryContext, subject: Subject, dimension?: string): Promise<Groups> {
  const ask = (grouping: Grouping | null) =>
    onVerdicts(subject, async (journeys) => {
      const statement = groupStatement(subject, journeys, grouping)
      const rows = await context.reads.select<Row>(statement, { secondsMax: context.limits.querySecondsMax })
      return { result: rows.map((row) => readGroup(row, subject)), stale: rows.some(({ anyStale }) => anyStale > 0) }
    })
  if (dimension === undefined) return arranged(subject, await ask(null), null)
  const every = await ask({ dimension, kept: null })
  const valued = every.filter(({ value }) => value !== null).sort(byStarted)
  const kept = valued.flatMap(({ value }) => value ?? []).slice(0, context.limits.breakdownRowsMax)
  const grouping = { dimension, kept }
  return arranged(subject, valued.length <= kept.length ? every : await ask(grouping), grouping)
}

function arranged({ funnel: { positions } }: Subject, groups: readonly Group[], grouping: Grouping | null): Groups {
  const none = positions.map(() => 0)
  const noCounts = { unstarted: 0, excluded: 0, cells: [], entered: none, elapsedEntered: none }
  const nothing: Group = { whole: true, value: null, other: false, counts: noCounts, since: [], until: [] }
  return {
    whole: groups.find(({ whole }) => whole) ?? nothing,
    values: () => Promise.resolve(groups.filter(({ whole }) => !whole).sort(byStarted)),
    grouping,
    sealed: null,
  }
}

/** Most started first, then without a value, then `other`. */
export function byStarted(a: Group, b: Group): number {
  const rank = ({ value, other }: Group) => (other ? 2 : value === null ? 1 : 0)
  return (
    rank(a) - rank(b) ||
    (b.counts.entered[0] ?? 0) - (a.counts.entered[0] ?? 0) ||
    ((a.value ?? '') < (b.value ?? '') ? -1 : 1)
  )
}

/** Steps of the statement are not merged: that took a fifth less processor time, as if verdicts were else computed before the filter and again after. */
function groupStatement(subject: Subject, journeys: Sql, grouping: Grouping | null): Sql {
  const { funnel } = subject
  const { columns, group, groupBy } = groupingOf(grouping)
  const contiguous = isContiguous(funnel)
  return sql`
    SELECT ${group}, max(stale) AS anyStale, ${countColumns(funnel)},
      ${contiguous ? sql`quantilesExactForEach(${levels})(waits)` : sql`quantilesExactIfForEach(${levels})(sinceMs, cameFrom)`} AS since,
      ${raw(contiguous ? '[]' : `quantileExactIfForEach(${silenceLevel})(untilMs, wentOn)`)} AS until,
      ${quietOf(subject)} AS quiet
    FROM (SELECT *, ${columns}${raw(contiguous ? '' : `, ${gappedTimes(funnel.positions.length)}`)} FROM (${journeys}))
    ${groupBy}
    SETTINGS query_plan_merge_expressions = 0`
}

/** Of each open journey its depth and how long it has been quiet, as one number; then how many there are of each depth and bin. */
function quietOf({ now }: Subject): Sql {
  const packed = sql`groupArrayIf(toInt64(depth) * ${raw(quietSpan)} + greatest(${param('Int64', now)} - lastAt, 0), state = ${open})`
  const keys = sql`arraySort(arrayMap(packed -> toUInt32(intDiv(packed, ${raw(quietSpan)}) * ${raw(String(binsMax))} + ${binOf(`toUInt64(packed % ${quietSpan})`)}), ${packed}))`
  return sql`arrayMap(sorted -> CAST((arrayCompact(sorted), arrayFilter((place, next) -> next != 0, arrayEnumerate(sorted), arrayResize(arrayPopFront(arrayDifference(sorted)), length(sorted), 1))),
      'Tuple(keys Array(UInt32), upTo Array(UInt32))'), [${keys}])[1]`
}

/** More than any quiet, ms: 17,000 years. */
const quietSpan = String(2 ** 49)
const open = raw(String(stateCodes.open))
const levels = raw(`0.5, 0.9, ${silenceLevel}`)

/**
 * By position: how long since the one before, and whether there is one; how long until the next one. Where positions may be
 * skipped the time of one is that of its rank among the reached.
 */
function gappedTimes(positions: number): string {
  const rank = 'bitCount(bitAnd(entered, bitShiftLeft(toUInt64(1), k) - 1))'
  return `arrayDifference(times) AS gaps,
    arrayMap(k -> gaps[${rank} + 1], range(${positions})) AS sinceMs,
    arrayMap(k -> k > 0 AND bitTest(entered, k), range(${positions})) AS cameFrom,
    arrayMap(k -> gaps[${rank} + 2], range(${positions})) AS untilMs,
    arrayMap(k -> bitTest(entered, k) AND k + 1 < depth, range(${positions})) AS wentOn`
}

function readGroup(row: Row, { funnel }: Subject): Group {
  const since = row.since.map((quantiles) => quantiles.map(Number))
  const longest = (ms: number) => lastOfBin(binAt(ms))
  return {
    whole: row.whole === 1,
    value: row.value,
    other: row.other === 1,
    counts: readCounts(row, funnel),
    since: since.map(([median = 0, p90 = 0]) => ({ median: shownTime(median), p90: shownTime(p90) })),
    // Without optional steps the wait at a position is the time that the next one took.
    quiet: new Map(
      row.quiet.keys.map((key, index) => [key, (row.quiet.upTo[index] ?? 0) - (row.quiet.upTo[index - 1] ?? 0)]),
    ),
    until: isContiguous(funnel)
      ? since.slice(1).map(([, , p95 = 0]) => longest(p95))
      : row.until.map((ms) => longest(Number(ms))),
  }
}
