import { InvalidParameter } from '../domain/errors.ts'
import { param, raw, sql, type Sql } from '../domain/sql.ts'
import { drillDownStates, type JourneyRow, type JourneysAnswer } from './answers.ts'
import type { JourneysQuestion, QueryContext } from './context.ts'
import { readCursor, writeCursor, type Cursor } from './cursor.ts'
import { groundOf, type Ground } from './ground.ts'
import { groupsOf } from './groups.ts'
import { journeyHex } from './journey-hash.ts'
import { isRevised, stateOf } from './marks.ts'
import { piecesOf } from './periods.ts'
import { provenance } from './provenance.ts'
import { isSilent, thresholdsOf } from './silent.ts'
import { positionAsked, resolveSubject, stepAt, type Subject } from './subject.ts'
import { onVerdicts, stateCodes, stateName } from './verdicts.ts'

const journeysDefault = 100

interface Row {
  readonly journey: string
  readonly start: string
  readonly seenAt: string
  readonly state: number
  readonly depth: number
  readonly anyStale: number
}

/**
 * The journeys behind a number. `step` alone: who entered it (`entered`). `step` and `state`: who left there in
 * that state (`left`), or `passed` it. `state` alone: the number of that name in the totals. Neither: all seen
 * in the period.
 *
 * Reads   groundOf(); journeysOf(), the page; piecesOf(), whether the period is final; for `silent` groupsOf().
 * Cost    a pass over the period's journeys; a page is the smallest of them by (seenAt, journey).
 * Agrees  with funnel(): as many rows as the number says. tests/integration/answer-agreement.test.ts
 *
 * @throws {InvalidParameter} naming `from`, `to`, `tz`, `version`, `where`, `step`, `position`, `state`, `limit` or `cursor`
 */
export async function journeys(context: QueryContext, question: JourneysQuestion): Promise<JourneysAnswer> {
  const limit = pageSize(context, question)
  const cursor = question.cursor === undefined ? null : readCursor(question.cursor, context.clock.now())
  const subject = await resolveSubject(context, question, cursor?.asOf)
  const ground = await groundOf(context, [subject.service], [subject.period])
  const wanted = await condition(context, ground, subject, question)
  const rows = await onVerdicts(subject, async (all) => {
    const result = await context.reads.select<Row>(pageStatement(all, wanted, cursor, limit), {
      secondsMax: context.limits.querySecondsMax,
    })
    return { result, stale: result.some(({ anyStale }) => anyStale > 0) }
  })
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    ...provenance(subject, ground.revision),
    period: await periodState(context, ground, subject),
    journeys: page.map((row) => journeyRow(subject, row)),
    cursor:
      rows.length <= limit || last === undefined
        ? null
        : writeCursor({ asOf: subject.now, seenAt: Number(last.seenAt), journey: journeyHex(last.journey) }),
  }
}

function pageSize(context: QueryContext, { limit = journeysDefault }: JourneysQuestion): number {
  const { journeysPageMax } = context.limits
  if (!Number.isInteger(limit) || limit < 1 || limit > journeysPageMax)
    throw new InvalidParameter('limit', `a whole number from 1 to ${journeysPageMax}`)
  return limit
}

/** Which rows of journeysOf() the question means. */
async function condition(
  context: QueryContext,
  ground: Ground,
  subject: Subject,
  question: JourneysQuestion,
): Promise<Sql> {
  const { state } = question
  const position = positionAsked(subject.funnel, question)
  if (state !== undefined && !drillDownStates.includes(state))
    throw new InvalidParameter('state', `one of ${drillDownStates.join(', ')}`)
  const entered = position === null ? raw('1') : raw(`bitTest(entered, ${position - 1})`)
  if (state === undefined) return entered
  if (position === null && state === 'passed')
    throw new InvalidParameter('state', 'another state, or a `step` that was passed')
  if (position !== null && (state === 'excluded' || state === 'unstarted'))
    throw new InvalidParameter('state', 'no `step` with this state: such a journey is at none')
  if (state === 'passed') return sql`${entered} AND depth > ${raw(String(position))}`
  const here = position === null ? raw('1') : raw(`depth = ${position}`)
  if (state !== 'silent') return sql`${here} AND state = ${raw(String(stateCodes[state]))}`
  const { whole } = await groupsOf(context, ground, subject)
  return sql`${here} AND state = ${raw(String(stateCodes.open))} AND ${isSilent(subject, thresholdsOf(whole))}`
}

function pageStatement(all: Sql, wanted: Sql, cursor: Cursor | null, limit: number): Sql {
  const after =
    cursor === null
      ? raw('1')
      : sql`(seenAt, journey) > (${param('Int64', cursor.seenAt)}, ${param('UInt64', BigInt(`0x${cursor.journey}`))})`
  return sql`
    SELECT journey, start, seenAt, state, depth, stale AS anyStale
    FROM (${all})
    WHERE stale = 1 OR (${wanted} AND ${after})
    ORDER BY stale DESC, seenAt, journey
    LIMIT ${raw(String(limit + 1))}`
}

function journeyRow({ funnel }: Subject, row: Row): JourneyRow {
  const state = stateName(row.state)
  return {
    journey: journeyHex(row.journey),
    start: state === 'unstarted' ? null : new Date(Number(row.start)).toISOString(),
    state,
    furthest: stepAt(funnel, row.depth),
    position: row.depth === 0 ? null : row.depth,
  }
}

async function periodState(context: QueryContext, ground: Ground, subject: Subject) {
  const whole = {
    starts: [subject.period.from],
    grain: 'week',
    position: null,
    breakdown: undefined,
    rowsMax: 1,
  } as const
  const [group] = await piecesOf(context, ground, subject, whole)
  const piece = group?.pieces.get(subject.period.from)
  const { completed = 0, failed = 0, abandoned = 0, open = 0 } = piece?.states ?? {}
  const started = completed + failed + abandoned + open
  return stateOf({ started, elapsed: { started: piece?.elapsedStarted ?? 0 } }, isRevised(ground, subject))
}
