import { raw, sql, type Sql } from '../domain/sql.ts'
import { binOf, binRange, quantileBin, timeOfBin } from '../domain/tally/bins.ts'
import { keysOfMeasure } from '../domain/tally/keys.ts'
import type { TimeToCompleteAnswer } from './answers.ts'
import type { QueryContext, TimeToCompleteQuestion } from './context.ts'
import { totalsOf } from './counts.ts'
import { groupsOf } from './groups.ts'
import { revisedHours, stateOf } from './marks.ts'
import { provenance } from './provenance.ts'
import { rateOf } from './rates.ts'
import { revisionOf } from './revision.ts'
import { sealedTimes } from './sealed/times.ts'
import { resolveSubject, type Subject } from './subject.ts'
import { onVerdicts } from './verdicts.ts'

/** Moments at which completion by elapsed time is told, ms; those within the window. */
const horizons = [
  60_000, 300_000, 900_000, 1_800_000, 3_600_000, 14_400_000, 86_400_000, 259_200_000, 604_800_000, 2_419_200_000,
]

/** Bins of one bar of the histogram: four bars for each doubling. */
const binsPerBar = 32

/**
 * How long the journeys of a period took to complete: from the start of the run that counts to its last position, or to the
 * outcome that completed it.
 *
 * Reads   groupsOf(); and the times, from sealed tallies or with one more pass over the period's journeys.
 * Agrees  with funnel(): `count` is its `totals.completed`. tests/integration/answer-agreement.test.ts
 *
 * @throws {InvalidParameter} naming `from`, `to`, `tz`, `version` or `where`
 */
export async function timeToComplete(
  context: QueryContext,
  question: TimeToCompleteQuestion,
): Promise<TimeToCompleteAnswer> {
  const subject = await resolveSubject(context, question)
  const revision = await revisionOf(context, [subject.service])
  const { whole, standing } = await groupsOf(context, subject)
  const bins =
    standing === null
      ? await countedTimes(context, subject)
      : await sealedTimes(context, subject, standing, keysOfMeasure('whole'))
  const totals = totalsOf(whole.counts)
  const quantile = (level: number): number | null => {
    const bin = quantileBin(bins, level)
    return bin === null ? null : timeOfBin(bin) / 1000
  }
  return {
    ...provenance(subject, revision),
    period: stateOf(totals, (await revisedHours(context, subject)).length > 0),
    count: [...bins.values()].reduce((sum, count) => sum + count, 0),
    p50: quantile(0.5),
    p75: quantile(0.75),
    p90: quantile(0.9),
    p95: quantile(0.95),
    histogram: bars(bins),
    within: within(bins, totals.started, subject.funnel.windowMs),
  }
}

/** Journeys by bin. */
async function countedTimes(context: QueryContext, subject: Subject): Promise<ReadonlyMap<number, number>> {
  const rows = await onVerdicts(subject, async (journeys: Sql) => {
    const result = await context.reads.select<{ bin: number; count: string; anyStale: number }>(
      sql`SELECT ${binOf('toUInt64(greatest(completionMs, 0))')} AS bin, count() AS count, max(stale) AS anyStale
        FROM (${journeys}) WHERE completionMs >= 0 OR stale = 1 GROUP BY bin ${raw('ORDER BY bin')}`,
      { secondsMax: context.limits.querySecondsMax },
    )
    return { result, stale: result.some(({ anyStale }) => anyStale > 0) }
  })
  return new Map(rows.map(({ bin, count }) => [bin, Number(count)]))
}

function bars(bins: ReadonlyMap<number, number>): TimeToCompleteAnswer['histogram'] {
  const counts = new Map<number, number>()
  for (const [bin, count] of bins) {
    const bar = Math.floor(bin / binsPerBar)
    counts.set(bar, (counts.get(bar) ?? 0) + count)
  }
  return [...counts]
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => a - b)
    .map(([bar, count]) => ({
      from: binRange(bar * binsPerBar)[0] / 1000,
      to: binRange((bar + 1) * binsPerBar)[0] / 1000,
      count,
    }))
}

function within(bins: ReadonlyMap<number, number>, started: number, windowMs: number): TimeToCompleteAnswer['within'] {
  return [...horizons.filter((ms) => ms < windowMs), windowMs].map((ms) => {
    const completed = [...bins].reduce((sum, [bin, count]) => (timeOfBin(bin) <= ms ? sum + count : sum), 0)
    return { seconds: ms / 1000, completed, rate: rateOf(completed, started) }
  })
}
