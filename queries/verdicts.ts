import { join, param, raw, sql, type Sql } from '../domain/sql.ts'
import { normaliseFunnel, type Service } from '../domain/service.ts'
import { within, type Range } from './sealed/cover.ts'
import { idsOf, versionOf } from './services.ts'
import type { Subject } from './subject.ts'

/**
 * The journeys of a subject's period, one row each, with what its funnel says of them. Everything that is
 * counted or listed is read from here, so that no two answers can disagree.
 *
 * Columns: service, journey, firstAt, lastAt, eventsDropped, dimensions, those of the verdict, and those of `judged`.
 *
 * Reads   facts FINAL of one service. With `source` stored, only the verdict columns of the version asked for;
 *         a row of another version is let through with `stale` = 1, and the caller asks again with compiled.
 * Cost    one pass over the journeys of the service whose events reach into the period; of one journey, where
 *         its number is given, a look-up.
 */
export function journeysOf(subject: Subject, source: VerdictSource, journey?: bigint): Sql {
  const { period, funnel, compiled, service, now } = subject
  const known = raw('service, journey, firstAt, lastAt, eventsDropped, dimensions')
  const where = sql`WHERE service = ${param('String', service.id)}${only(journey)} AND ${reachesInto(period)}${conditions(subject)}`
  const read = (columns: Sql) => sql`SELECT ${known}, ${param('Int64', funnel.windowMs)} AS windowMs,
        ${staleness(subject, source)} AS stale, ${columns}
      FROM facts FINAL ${where}`
  // Column by column where they are stored, so that the engine reads those that a question needs.
  const fields = () => {
    if (source === 'stored') return read(raw(`${verdictFields.join(', ')}, arrayDifference(times) AS waits`))
    const named = sql`${known}, windowMs, stale`
    if (journey === undefined)
      return compiled.verdictsOf({
        columns: named,
        rows: sql`${read(raw('gaps, lastAfter, seq, step, outcomeAt, outcomeSeq, outcome'))} SETTINGS preferred_block_size_bytes = ${raw(String(blockBytes))}`,
        sample: sql`SELECT step, gaps, firstAt, lastAfter, outcome, outcomeAt FROM facts ${where}`,
      })
    return sql`SELECT ${named}, ${raw(verdictFields.map((field) => `v.${field} AS ${field}`).join(', '))}, arrayDifference(times) AS waits
        FROM (${read(sql`${compiled.verdict} AS v`)})`
  }
  return judged(fields(), [period], now)
}

/** The journeys of many services whose events reach into a period, with the verdicts that stand in facts: rows for judged(). */
export function storedVerdicts(services: readonly Service[], period: Range): Sql {
  const windows = param(
    'Array(Int64)',
    services.map(({ funnel }) => normaliseFunnel(funnel).windowMs),
  )
  return sql`SELECT service, firstAt, start, latestStart, excluded, depth, entered, completed, failed,
      ${windows}[indexOf(${idsOf(services)}, service)] AS windowMs, version != ${versionOf(services)} AS stale
    FROM facts FINAL
    WHERE service IN ${idsOf(services)} AND ${reachesInto(period)}`
}

/** Columns of the verdict, and waits: how long after the position reached before each was reached, ms; 0 for the first. */
const verdictFields = [
  'start',
  'latestStart',
  'excluded',
  'depth',
  'entered',
  'times',
  'completed',
  'failed',
  'completionMs',
] as const

/** The expression of a funnel is long, so that judging one trail of a block costs nearly as much as judging hundreds. */
const blockBytes = 4_000_000

/** A start lies between a journey's first event and its last: cheap to see, and leaves out most of what is older. */
export function reachesInto(period: Range): Sql {
  return sql`lastAt >= ${param('Int64', period.from)} AND firstAt < ${param('Int64', period.to)}`
}

/**
 * Rows with the fields of a verdict, `windowMs` and `stale`, as they are at a moment: those of the period and stale ones, with
 * seenAt (ms: the start, or the first event of a journey that never started), elapsed (it started, and first
 * start + window has passed) and state (`stateCodes`). A window ends with its last millisecond: then it is open still.
 */
export function judged(rows: Sql, periods: readonly Range[], now: number): Sql {
  const at = param('Int64', now)
  return sql`
    SELECT *, if(depth > 0 OR excluded = 1, start, firstAt) AS seenAt,
      depth > 0 AND ${at} > start + windowMs AS elapsed,
      multiIf(excluded = 1, ${code('excluded')}, depth = 0, ${code('unstarted')},
        completed = 1, ${code('completed')}, failed = 1, ${code('failed')},
        ${at} <= latestStart + windowMs, ${code('open')}, ${code('abandoned')}) AS state
    FROM (${rows})
    WHERE ${within('seenAt', periods)} OR stale = 1`
}

/**
 * The journeys of short stretches, as journeysOf() gives them, with the verdicts that stand in facts: those of the service's own funnel.
 *
 * Reads   facts of one service: first the times of all its journeys, then the rest of those that reach into a stretch.
 */
export function storedJourneys(subject: Subject, stretches: readonly Range[]): Sql {
  const { funnel, service, now } = subject
  const id = param('String', service.id)
  const reaching = join(
    stretches.map((stretch) => sql`(${reachesInto(stretch)})`),
    ' OR ',
  )
  // Of each journey all copies are read, and the latest stands, as with FINAL, which would put all journeys in order first.
  const rows = sql`
    SELECT service, journey, firstAt, lastAt, dimensions, ${param('Int64', funnel.windowMs)} AS windowMs, 0 AS stale, ${raw(verdictFields.join(', '))}
    FROM facts
    WHERE service = ${id} AND journey IN (SELECT journey FROM facts WHERE service = ${id} AND (${reaching}))
    ORDER BY revision DESC LIMIT 1 BY journey`
  return judged(sql`SELECT * FROM (${rows}) WHERE 1${conditions(subject)}`, stretches, now)
}

/** stored: the verdict that stands in facts. compiled: what the funnel makes of the trail. */
export type VerdictSource = 'stored' | 'compiled'

/** States as they are counted; the first four are those of journeys that started. */
export const stateCodes = { completed: 0, failed: 1, abandoned: 2, open: 3, excluded: 4, unstarted: 5 } as const
export type StateName = keyof typeof stateCodes

function code(state: StateName): Sql {
  return raw(`toUInt8(${stateCodes[state]})`)
}

export function stateName(stateCode: number): StateName {
  for (const state of ['completed', 'failed', 'abandoned', 'open', 'excluded', 'unstarted'] as const)
    if (stateCodes[state] === stateCode) return state
  throw new Error(`a journey has no state ${stateCode}`)
}

/** Only of the current version can the stored verdicts be expected to stand. */
export function likelySource({ version, service }: Subject): VerdictSource {
  return version === service.version ? 'stored' : 'compiled'
}

function staleness({ version }: Subject, source: VerdictSource): Sql {
  return version === null || source === 'compiled' ? raw('0') : sql`version != ${param('UInt32', version)}`
}

function only(journey: bigint | undefined): Sql {
  return journey === undefined ? raw('') : sql` AND journey = ${param('UInt64', journey)}`
}

/** A journey without a value has the empty one, which no value is: so it is among those that have not another. */
export function conditions({ where }: Pick<Subject, 'where'>): Sql {
  return {
    parts: where.flatMap(({ dimension, values, not }) => [
      ' AND dimensions[',
      param('String', dimension),
      not ? '] NOT IN ' : '] IN ',
      param(
        'Array(String)',
        values.map((value) => value ?? ''),
      ),
    ]),
  }
}

/**
 * Runs a question on stored verdicts and, when it met journeys whose verdict is of another version (their
 * service's funnel has just changed), once more on compiled ones.
 * @param run must say whether a row that it counted was stale
 * @param journey the only one asked about
 */
export async function onVerdicts<Result>(
  subject: Subject,
  run: (journeys: Sql) => Promise<{ result: Result; stale: boolean }>,
  journey?: bigint,
): Promise<Result> {
  const source = likelySource(subject)
  const first = await run(journeysOf(subject, source, journey))
  if (!first.stale) return first.result
  return (await run(journeysOf(subject, 'compiled', journey))).result
}
