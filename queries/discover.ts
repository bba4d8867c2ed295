import { discover as discovered, funnelOf, type Discovery } from '../domain/discovery/discover.ts'
import type { DiscoveryLog } from '../domain/discovery/log.ts'
import {
  discoveryReasonCodes,
  discoveryReasons,
  noSuggestionReasons,
  outsideReasons,
} from '../domain/discovery/reasons.ts'
import { suggestedWindow, windowCompletionsMin } from '../domain/discovery/window.ts'
import { compileFunnel } from '../domain/funnel/compile.ts'
import { InvalidParameter } from '../domain/errors.ts'
import { shape } from '../domain/limits.ts'
import { normaliseFunnel } from '../domain/service.ts'
import { outcomes } from '../domain/stored-event.ts'
import { param, raw, sql, type Sql } from '../domain/sql.ts'
import type { DiscoverAnswer } from './answers.ts'
import type { DiscoverQuestion, QueryContext } from './context.ts'
import { revisedHours, stateOf } from './marks.ts'
import { provenance } from './provenance.ts'
import { rateOf } from './rates.ts'
import { revisionOf } from './revision.ts'
import { resolveSubject, type Subject } from './subject.ts'
import { conditions } from './verdicts.ts'

/** Places of one path that are read: far more than a funnel has, and a bound on what comes back. */
const pathPlacesMax = 300
/** Step events of a journey whose time to complete is looked at: a nasty funnel takes up to 2 ms for each. */
const judgedEventsMax = 200
const longestWindow = 'P36525D'

/**
 * A funnel out of the traffic: what the journeys first seen in a period, by whatever funnel, say of the steps' order.
 *
 * Reads   facts FINAL of one service: how many journeys there are; of a sample, the names most seen, then the paths, equal ones
 *         counted together; then, with the suggestion compiled, how long completions took. And step_names.
 * Cost    one pass over the first events of the service's journeys, three over the trails of the sample: the journeys with the
 *         smallest hashes, which are a stretch of the table, at most `discoverJourneysMax`.
 * Agrees  with the paths made by plain TypeScript: tests/integration/queries-discover.test.ts
 *
 * @throws {InvalidParameter} naming `from`, `to`, `tz`, `where` or `limit`
 */
export async function discover(context: QueryContext, question: DiscoverQuestion): Promise<DiscoverAnswer> {
  const { limit = shape.stepsMax } = question
  if (!Number.isInteger(limit) || limit < shape.stepsMin || limit > shape.stepsMax)
    throw new InvalidParameter('limit', `a whole number from ${shape.stepsMin} to ${shape.stepsMax}`)
  const subject = await resolveSubject(context, question)
  const revision = await revisionOf(context, [subject.service])
  const { seen, lastFirstAt, log, sample } = await trafficOf(context, subject)
  const found = discovered(log, limit)
  const window = found.noSuggestion === null ? await windowOf(context, sample, found) : null
  const mayGrow = seen > 0 && lastFirstAt + subject.funnel.windowMs >= subject.now
  return {
    ...provenance(subject, revision),
    period: stateOf(
      { started: 1, elapsed: { started: mayGrow ? 0 : 1 } },
      (await revisedHours(context, subject)).length > 0,
    ),
    journeys: { seen, lookedAt: found.relations.journeys },
    ...suggestionOf(found, window),
  }
}

/** What was read, as discovery takes it. */
export interface Traffic {
  /** Journeys of the period. */
  readonly seen: number
  /** Greatest first event, ms. */
  readonly lastFirstAt: number
  readonly log: DiscoveryLog
  /** Rows of facts: the journeys looked at. */
  readonly sample: Sql
}

export async function trafficOf(context: QueryContext, subject: Subject): Promise<Traffic> {
  const options = { secondsMax: context.limits.querySecondsMax }
  const [all] = await context.reads.select<{ seen: string; lastFirstAt: string }>(
    sql`SELECT count() AS seen, max(firstAt) AS lastFirstAt FROM facts FINAL WHERE ${inPeriod(subject)}`,
    options,
  )
  const seen = Number(all?.seen ?? 0)
  const sample = await sampleOf(context, subject, seen)
  const known = await context.reads.select<{ name: string; hash: string }>(
    sql`SELECT name, hash FROM (
        SELECT arrayJoin(arrayDistinct(step)) AS hash, count() AS journeys FROM (${sample})
        GROUP BY hash ORDER BY journeys DESC, hash LIMIT ${raw(String(context.limits.discoverNamesMax))}
      ) AS met
      INNER JOIN (
        SELECT step AS name, xxh3(step) AS hash FROM step_names
        WHERE service = ${param('String', subject.service.id)} GROUP BY step
      ) AS known USING (hash)
      ORDER BY journeys DESC, hash`,
    options,
  )
  const rows = await context.reads.select<{ path: number[]; tied: number[]; journeys: string }>(
    pathsOf(
      sample,
      known.map(({ hash }) => BigInt(hash)),
    ),
    options,
  )
  return {
    seen,
    lastFirstAt: Number(all?.lastFirstAt ?? 0),
    log: {
      names: known.map(({ name }) => name),
      variants: rows.map(({ path, tied, journeys }) => ({
        path: path.map((place) => place - 1),
        tied,
        journeys: Number(journeys),
      })),
    },
    sample,
  }
}

/** A journey is of the period in which it was first seen, whether or not the service's own funnel calls that a start. */
function inPeriod(subject: Subject): Sql {
  const { service, period } = subject
  return sql`service = ${param('String', service.id)}
    AND firstAt >= ${param('Int64', period.from)} AND firstAt < ${param('Int64', period.to)}${conditions(subject)}`
}

/**
 * The journeys with the smallest hashes: a fair sample since hashes are keyed, and always the same. They lie together in the table, so
 * that below a bound, where even hashes leave a quarter to spare, the rest goes unread; where fewer are below it, there is none.
 */
async function sampleOf(context: QueryContext, subject: Subject, seen: number): Promise<Sql> {
  const { discoverJourneysMax, querySecondsMax } = context.limits
  const rows = (bound: Sql) => sql`SELECT at, seq, step, outcomeAt, outcomeSeq, outcome FROM facts FINAL
    WHERE ${inPeriod(subject)}${bound} ORDER BY journey LIMIT ${raw(String(discoverJourneysMax))}`
  if (seen <= 1.25 * discoverJourneysMax) return rows(raw(''))
  const millionths = BigInt(Math.ceil((1.25e6 * discoverJourneysMax) / seen))
  const bound = sql` AND journey <= ${param('UInt64', ((2n ** 64n - 1n) / 1_000_000n) * millionths)}`
  const [below] = await context.reads.select<{ journeys: string }>(
    sql`SELECT count() AS journeys FROM facts FINAL WHERE ${inPeriod(subject)}${bound}`,
    { secondsMax: querySecondsMax },
  )
  return rows(Number(below?.journeys ?? 0) < discoverJourneysMax ? raw('') : bound)
}

/**
 * Paths, equal ones counted together: places of names from 1, and after the names the first completed outcome. Names that are not
 * among those asked for are passed over; a page shown again at once is one place.
 */
function pathsOf(sample: Sql, hashes: readonly bigint[]): Sql {
  const places = param(
    'Array(UInt16)',
    hashes.map((_, index) => index + 1),
  )
  const completed = raw(String(outcomes.indexOf('completed') + 1))
  const end = raw(`toUInt16(${hashes.length + 1})`)
  const place =
    hashes.length === 0
      ? raw('toUInt16(0)')
      : sql`transform(w_h, ${param('Array(UInt64)', hashes)}, ${places}, toUInt16(0))`
  return sql`
    SELECT arraySlice(kept.1, 1, ${raw(String(pathPlacesMax))}) AS path,
      arraySlice(kept.2, 1, ${raw(String(pathPlacesMax))}) AS tied, count() AS journeys
    FROM (
      SELECT arraySort(arrayConcat(
          arrayFilter(w_e -> w_e.3 != 0, arrayMap((w_a, w_q, w_h) -> (w_a, w_q, ${place}), at, seq, step)),
          arraySlice(arrayFilter(w_e -> w_e.3 != 0, arrayMap((w_a, w_q, w_o) -> (w_a, w_q, if(w_o = ${completed}, ${end}, toUInt16(0))), outcomeAt, outcomeSeq, outcome)), 1, 1)
        )) AS events,
        arrayPopBack(arrayPushFront(events, (toInt64(-1), toUInt32(0), toUInt16(0)))) AS earlier,
        arrayFilter(w_k -> w_k.3 = 1, arrayMap((w_e, w_b) -> (w_e.3,
          toUInt8(w_e.1 = w_b.1 AND w_e.2 = w_b.2 AND w_e.3 != ${end}), toUInt8(w_e.3 != w_b.3)), events, earlier)) AS kept
      FROM (${sample})
    )
    GROUP BY path, tied
    ORDER BY path, tied`
}

/** The window that covers 99 % of completions of the suggestion, whatever their length; null when too few completed. */
async function windowOf(context: QueryContext, sample: Sql, found: Discovery): Promise<Window> {
  const { verdict } = compileFunnel(normaliseFunnel(funnelOf(found, longestWindow)))
  const [row] = await context.reads.select<{ completions: string; coveringMs: string }>(
    sql`SELECT count() AS completions, quantileExactHigh(0.99)(took) AS coveringMs
      FROM (SELECT ${verdict}.completionMs AS took FROM (${sample}) WHERE length(step) <= ${raw(String(judgedEventsMax))})
      WHERE took >= 0`,
    { secondsMax: context.limits.querySecondsMax },
  )
  const completions = Number(row?.completions ?? 0)
  return { completions, coveringMs: completions < windowCompletionsMin ? null : Number(row?.coveringMs ?? 0) }
}

interface Window {
  readonly completions: number
  readonly coveringMs: number | null
}

type Suggestion = Pick<DiscoverAnswer, 'funnel' | 'noFunnel' | 'confidence' | 'window' | 'steps' | 'branches'>

function suggestionOf(found: Discovery, window: Window | null): Suggestion {
  const { relations, positions, outside, confidence, noSuggestion } = found
  const duration = suggestedWindow(window?.coveringMs ?? null)
  const reasons = discoveryReasonCodes.filter(
    (code) =>
      found.reasons.includes(code) || (code === 'window-default' && window !== null && window.coveringMs === null),
  )
  const shareOf = (name: number) => (relations.journeys === 0 ? 0 : relations.count(name) / relations.journeys)
  const placed = new Map(positions.flatMap((position, index) => position.names.map((name) => [name, index] as const)))
  const steps = relations.names.map((step, name) => {
    const index = placed.get(name)
    const position = index === undefined ? undefined : positions[index]
    const left = outside.get(name)
    return {
      step,
      journeys: relations.count(name),
      share: shareOf(name),
      medianPosition: relations.medianPlace(name),
      position: index === undefined ? null : index + 1,
      optional: position?.optional ?? null,
      confidence: position?.confidence ?? null,
      reasons: (position?.reasons ?? []).map((code) => ({ code, words: discoveryReasons[code] })),
      outside: left === undefined ? null : { code: left, words: outsideReasons[left] },
    }
  })
  return {
    funnel: noSuggestion === null ? funnelOf(found, duration) : null,
    noFunnel: noSuggestion === null ? null : { code: noSuggestion, words: noSuggestionReasons[noSuggestion] },
    confidence: { ...confidence, reasons: reasons.map((code) => ({ code, words: discoveryReasons[code] })) },
    window:
      window === null
        ? null
        : { completions: window.completions, coveringSeconds: secondsOf(window.coveringMs), suggested: duration },
    steps: steps.sort((a, b) => (a.position ?? Infinity) - (b.position ?? Infinity) || b.journeys - a.journeys),
    branches: positions.flatMap(({ names, optional, usage, confidence: sure }, index) =>
      names.length === 1
        ? []
        : [
            {
              position: index + 1,
              anyOf: names.map((name) => ({
                step: relations.names[name] ?? '',
                journeys: relations.count(name),
                share: shareOf(name),
              })),
              optional,
              taken: rateOf(usage.took, usage.passed),
              confidence: sure,
            },
          ],
    ),
  }
}

function secondsOf(ms: number | null): number | null {
  return ms === null ? null : ms / 1000
}
