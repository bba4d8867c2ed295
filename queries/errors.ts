import { InvalidParameter } from '../domain/errors.ts'
import { shape } from '../domain/limits.ts'
import { param, raw, sql, type Sql } from '../domain/sql.ts'
import { commonOddsRatio, type TwoByTwo } from '../domain/statistics/mantel-haenszel.ts'
import type { ErrorCode, ErrorRow, ErrorsAnswer } from './answers.ts'
import type { ErrorsQuestion, QueryContext } from './context.ts'
import { revisedHours, stateOf } from './marks.ts'
import { provenance } from './provenance.ts'
import { rateOf } from './rates.ts'
import { revisionOf } from './revision.ts'
import { resolveSubject, stepAt, type Subject } from './subject.ts'
import { onVerdicts, stateCodes } from './verdicts.ts'

const rowsDefault = 100

/** By position - 1. */
interface Reached {
  readonly reached: readonly string[]
  readonly elapsedReached: readonly string[]
  readonly elapsedCompleted: readonly string[]
}

interface WholeRow extends Reached {
  readonly started: string
  readonly elapsedStarted: string
  readonly anyStale: number
}

interface CountsRow {
  readonly events: string
  readonly journeys: string
  readonly completed: string
  readonly failed: string
  readonly abandoned: string
  readonly open: string
  readonly elapsedMet: string
  readonly elapsedCompleted: string
}

interface MetRow extends CountsRow {
  readonly step: string
  readonly position: number
  readonly field: string
  readonly code: string
}

interface CodeRow extends CountsRow {
  readonly field: string
  readonly code: string
  /** Met there, of the elapsed: where, how many, and how many of them completed. */
  readonly sums: readonly [positions: readonly number[], met: readonly string[], completed: readonly string[]]
}

interface SumRow {
  readonly events: string
  readonly journeys: string
  readonly rows: string
  readonly codes: string
  readonly otherEvents: string
  readonly otherJourneys: string
  readonly otherCodeEvents: string
  readonly otherCodeJourneys: string
}

/**
 * Which errors lose people: by step, field and code, and by field and code over all steps. An error is met at the
 * position that its step stands for, if the run reached it; without a step of the funnel, at the last position
 * that the run had reached by then. A journey counts once a row, however often it met the error.
 *
 * Reads   journeysOf() four times, and three times the events of type error of the service.
 * Cost    a pass over the period's journeys each, and over the service's trail by its key and its content: one short
 *         column where nothing is an error.
 * Agrees  with the oracle, and its `reached` with funnel(): tests/integration/queries-errors.test.ts
 *
 * @throws {InvalidParameter} naming `from`, `to`, `tz`, `version`, `where` or `limit`
 */
export async function errors(context: QueryContext, question: ErrorsQuestion): Promise<ErrorsAnswer> {
  const { limit = rowsDefault } = question
  if (!Number.isInteger(limit) || limit < 1 || limit > shape.errorRowsMax)
    throw new InvalidParameter('limit', `a whole number from 1 to ${shape.errorRowsMax}`)
  const subject = await resolveSubject(context, question)
  const revision = await revisionOf(context, [subject.service])
  const { whole, met, codes, sums } = await onVerdicts(subject, async (journeys) => {
    const result = await countsOf(context, subject, journeys, limit)
    return { result, stale: result.whole.anyStale > 0 }
  })
  const totals = { started: Number(whole.started), elapsed: { started: Number(whole.elapsedStarted) } }
  const [rows, byCode] = [Number(sums.rows), Number(sums.codes)]
  return {
    ...provenance(subject, revision),
    period: stateOf(totals, (await revisedHours(context, subject)).length > 0),
    started: totals.started,
    journeys: Number(sums.journeys),
    events: Number(sums.events),
    errors: met.map((row) => errorRow(whole, row)),
    other: otherOf(rows - met.length, sums.otherJourneys, sums.otherEvents),
    codes: codes.map((row) => codeRow(subject, whole, row)),
    otherCodes: otherOf(byCode - codes.length, sums.otherCodeJourneys, sums.otherCodeEvents),
  }
}

function otherOf(rows: number, journeys: string, events: string): ErrorsAnswer['other'] {
  return rows === 0 ? null : { rows, journeys: Number(journeys), events: Number(events) }
}

async function countsOf(context: QueryContext, subject: Subject, journeys: Sql, limit: number) {
  const options = { secondsMax: context.limits.querySecondsMax }
  const started = sql`SELECT * FROM (${journeys}) WHERE depth > 0 AND excluded = 0`
  const cells = metCells(subject, started)
  const [whole] = await context.reads.select<WholeRow>(reachedStatement(subject, journeys), options)
  if (whole === undefined) throw new Error('counts without a key have one row')
  const met = await context.reads.select<MetRow>(metStatement(cells, limit), options)
  const codes = await context.reads.select<CodeRow>(codeStatement(cells, limit), options)
  const [sums] = await context.reads.select<SumRow>(sumStatement(cells, met, codes), options)
  if (sums === undefined) throw new Error('sums without a key have one row')
  return { whole, met, codes, sums }
}

const completed = raw(`state = ${stateCodes.completed}`)

/** How many reached each position: everybody an error at it is compared to. */
function reachedStatement({ funnel }: Subject, journeys: Sql): Sql {
  const bits = raw(`arrayMap(p -> bitTest(entered, p), range(${funnel.positions.length}))`)
  const by = (condition: Sql) => sql`sumForEach(arrayMap(bit -> toUInt64(bit AND ${condition}), ${bits}))`
  const isStarted = raw('depth > 0 AND excluded = 0')
  return sql`
    SELECT countIf(${isStarted}) AS started, countIf(${isStarted} AND elapsed) AS elapsedStarted, max(stale) AS anyStale,
      ${by(isStarted)} AS reached, ${by(sql`${isStarted} AND elapsed`)} AS elapsedReached,
      ${by(sql`${isStarted} AND elapsed AND ${completed}`)} AS elapsedCompleted
    FROM (${journeys})`
}

/**
 * One row a journey, step, position, field and code: how often, and the journey's state. Copies of an event merge
 * here: of two contents the smaller stands, and no type sorts before error, so what is an error in one copy is one.
 * Of a trail that is too long, what comes after its last kept event is left out.
 */
function metCells({ service, funnel }: Subject, started: Sql): Sql {
  const names = param(
    'Array(Array(String))',
    funnel.positions.map(({ names }) => names),
  )
  const isError = raw(`startsWith(content, '1')`)
  const ofService = sql`service = ${param('String', service.id)}`
  const byName = funnel.order === 'any' ? raw('0') : sql`has(arrayFlatten(${names}), saidStep)`
  return sql`
    SELECT journey, state, elapsed, field, code, position,
      if(saidStep != '' OR position = 0, saidStep, ${shownNames({ funnel })}[position]) AS step, count() AS events
    FROM (
      SELECT j.journey AS journey, j.state AS state, j.elapsed AS elapsed, e.saidStep AS saidStep, e.field AS field,
        e.code AS code,
        arrayFilter(p -> bitTest(j.entered, p - 1), range(1, ${raw(String(funnel.positions.length + 1))})) AS reached,
        arrayCount(t -> t <= e.at, j.times) AS many,
        if(many = 0, 0, toUInt64(reached[many])) AS byTime,
        arrayFilter(p -> has(${names}[p], saidStep), reached) AS named,
        arrayFilter(p -> p <= byTime, named) AS namedByThen,
        toUInt8(multiIf(NOT (${byName}), byTime, notEmpty(namedByThen), namedByThen[-1], notEmpty(named), named[1], 0)) AS position
      FROM (
        SELECT journey, at, substring(splitByChar('\\x01', merged)[1], 2) AS saidStep,
          splitByChar('\\x02', splitByChar('\\x01', merged)[3]) AS carried, carried[1] AS field, carried[2] AS code
        FROM (
          SELECT journey, identity, min(trail.at) AS at, min(trail.content) AS merged FROM trail
          WHERE ${ofService} AND (journey, identity) IN (SELECT journey, identity FROM trail WHERE ${ofService} AND ${isError})
          GROUP BY journey, identity
        )
      ) AS e
      INNER JOIN (SELECT journey, state, elapsed, entered, times, eventsDropped, lastAt FROM (${started})) AS j
        ON e.journey = j.journey
      WHERE j.eventsDropped = 0 OR e.at <= j.lastAt
    )
    GROUP BY journey, state, elapsed, field, code, position, step`
}

/** What a position is called in a row whose errors say no step of their own; of order any, nothing. */
function shownNames({ funnel }: Pick<Subject, 'funnel'>) {
  return param(
    'Array(String)',
    funnel.positions.map(({ names }) => (funnel.order === 'any' ? '' : (names[0] ?? ''))),
  )
}

/** Over rows of one journey each, whose events are `times`: a sum may not have the name of what it adds up. */
const counted = raw(`sum(times) AS events, count() AS journeys,
  countIf(state = ${stateCodes.completed}) AS completed, countIf(state = ${stateCodes.failed}) AS failed,
  countIf(state = ${stateCodes.abandoned}) AS abandoned, countIf(state = ${stateCodes.open}) AS open,
  countIf(elapsed) AS elapsedMet, countIf(elapsed AND state = ${stateCodes.completed}) AS elapsedCompleted`)

const mostMet = raw('ORDER BY journeys DESC, events DESC')

function metStatement(cells: Sql, limit: number): Sql {
  return sql`SELECT step, position, field, code, ${counted}
    FROM (SELECT journey, state, elapsed, field, code, position, step, events AS times FROM (${cells}))
    GROUP BY step, position, field, code
    ${mostMet}, position, step, field, code LIMIT ${raw(String(limit))}`
}

function codeStatement(cells: Sql, limit: number): Sql {
  return sql`SELECT field, code, ${counted},
      sumMap(places, arrayMap(p -> toUInt64(elapsed), places), arrayMap(p -> toUInt64(elapsed AND ${completed}), places)) AS sums
    FROM (
      SELECT journey, state, elapsed, field, code, sum(events) AS times, arraySort(groupUniqArrayIf(position, position > 0)) AS places
      FROM (${cells}) GROUP BY journey, state, elapsed, field, code
    )
    GROUP BY field, code
    ${mostMet}, field, code LIMIT ${raw(String(limit))}`
}

/** All that was met, and what of it has no row. */
function sumStatement(cells: Sql, met: readonly MetRow[], codes: readonly CodeRow[]): Sql {
  const column = (type: string, values: readonly (string | number)[]) => param(`Array(${type})`, values)
  const listed = sql`has(arrayZip(${column(
    'String',
    met.map(({ step }) => step),
  )}, ${column(
    'UInt8',
    met.map(({ position }) => position),
  )}, ${column(
    'String',
    met.map(({ field }) => field),
  )}, ${column(
    'String',
    met.map(({ code }) => code),
  )}), (step, position, field, code))`
  const coded = sql`has(arrayZip(${column(
    'String',
    codes.map(({ field }) => field),
  )}, ${column(
    'String',
    codes.map(({ code }) => code),
  )}), (field, code))`
  return sql`SELECT sum(times) AS events, uniqExact(journey) AS journeys,
      uniqExact(step, position, field, code) AS rows, uniqExact(field, code) AS codes,
      sumIf(times, NOT isListed) AS otherEvents, uniqExactIf(journey, NOT isListed) AS otherJourneys,
      sumIf(times, NOT isCoded) AS otherCodeEvents, uniqExactIf(journey, NOT isCoded) AS otherCodeJourneys
    FROM (
      SELECT journey, step, position, field, code, events AS times, ${listed} AS isListed, ${coded} AS isCoded
      FROM (${cells})
    )`
}

function endings(row: CountsRow): Pick<ErrorRow, 'journeys' | 'events' | 'later' | 'elapsed' | 'completionRate'> {
  const [elapsedMet, elapsedCompleted] = [Number(row.elapsedMet), Number(row.elapsedCompleted)]
  return {
    journeys: Number(row.journeys),
    events: Number(row.events),
    later: {
      completed: Number(row.completed),
      failed: Number(row.failed),
      abandoned: Number(row.abandoned),
      open: Number(row.open),
    },
    elapsed: { journeys: elapsedMet, completed: elapsedCompleted },
    completionRate: rateOf(elapsedCompleted, elapsedMet),
  }
}

/** Odds of not completing, of those who met it at a position against the others who reached it; the elapsed only. */
function stratum(whole: Reached, position: number, met: number, metCompleted: number): TwoByTwo {
  const reached = Number(whole.elapsedReached[position - 1] ?? 0)
  const reachedCompleted = Number(whole.elapsedCompleted[position - 1] ?? 0)
  return {
    exposedEvents: met - metCompleted,
    exposedOthers: metCompleted,
    otherEvents: reached - met - (reachedCompleted - metCompleted),
    otherOthers: reachedCompleted - metCompleted,
  }
}

function errorRow(whole: WholeRow, row: MetRow): ErrorRow {
  const { position } = row
  const table = stratum(whole, position, Number(row.elapsedMet), Number(row.elapsedCompleted))
  return {
    step: row.step === '' ? null : row.step,
    position: position === 0 ? null : position,
    field: row.field === '' ? null : row.field,
    code: row.code === '' ? null : row.code,
    ...endings(row),
    reached: position === 0 ? null : Number(whole.reached[position - 1] ?? 0),
    completionRateWithout: position === 0 ? null : rateOf(table.otherOthers, table.otherOthers + table.otherEvents),
    oddsRatio: position === 0 ? null : commonOddsRatio([table]),
  }
}

function codeRow({ funnel }: Subject, whole: WholeRow, row: CodeRow): ErrorCode {
  const [positions, met, completedOfThem] = row.sums
  const strata = positions.map((position, index) =>
    stratum(whole, position, Number(met[index] ?? 0), Number(completedOfThem[index] ?? 0)),
  )
  return {
    field: row.field === '' ? null : row.field,
    code: row.code === '' ? null : row.code,
    ...endings(row),
    steps: positions.map((position) => ({ position, step: stepAt(funnel, position) })),
    oddsRatio: commonOddsRatio(strata),
  }
}
