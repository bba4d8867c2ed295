import { raw, sql, type Sql } from '../domain/sql.ts'
import { binOf, binRange, noBins, quantileBins, timeOfBin, type BinCounts } from '../domain/tally/bins.ts'
import { keysOfMeasure } from '../domain/tally/keys.ts'
import type { TimeToCompleteAnswer, Totals } from './answers.ts'
import type { QueryContext, TimeToCompleteQuestion } from './context.ts'
import { totalsOf } from './counts.ts'
import { groundOf } from './ground.ts'
import { groupsOf } from './groups.ts'
import { isRevised, stateOf } from './marks.ts'
import { provenance } from './provenance.ts'
import { rateOf } from './rates.ts'
import { standingOf, type Standing } from './sealed/standing.ts'
import { addSum, binsOf, countsOfSum, emptySum, type Sum } from './sealed/sums.ts'
import { askOf, sealedTallies, type Ask } from './sealed/tallies.ts'
import { otherLabel, timesByLabel, timesOfAll } from './sealed/times.ts'
import { admits, resolveSubject, type Subject } from './subject.ts'
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
 * Reads   groundOf(); sealedTimes(), or groupsOf() and the times with one more pass over the period's journeys.
 * Agrees  with funnel(): `count` is its `totals.completed`. tests/integration/answer-agreement.test.ts
 *
 * @throws {InvalidParameter} naming `from`, `to`, `tz`, `version` or `where`
 */
export async function timeToComplete(
  context: QueryContext,
  question: TimeToCompleteQuestion,
): Promise<TimeToCompleteAnswer> {
  const subject = await resolveSubject(context, question)
  const ground = await groundOf(context, [subject.service], [subject.period])
  const standing = standingOf(ground, subject, undefined)
  const { totals, bins } =
    standing === null
      ? {
          totals: totalsOf((await groupsOf(context, ground, subject)).whole.counts),
          bins: await countedTimes(context, subject),
        }
      : await sealedTimes(askOf(context), subject, standing)
  const [p50 = null, p75 = null, p90 = null, p95 = null] = quantileBins(bins, [0.5, 0.75, 0.9, 0.95]).map((bin) =>
    bin === null ? null : timeOfBin(bin) / 1000,
  )
  return {
    ...provenance(subject, ground.revision),
    period: stateOf(totals, isRevised(ground, subject)),
    count: bins.reduce((sum, count) => sum + count, 0),
    p50,
    p75,
    p90,
    p95,
    histogram: bars(bins),
    within: within(bins, totals.started, subject.funnel.windowMs),
  }
}

/** The same from sealed tallies: sealedTallies() and timesOfAll() at once; timesByLabel() where conditions ask for values. */
async function sealedTimes(
  ask: Ask,
  subject: Subject,
  standing: Standing,
): Promise<{ readonly totals: Totals; readonly bins: BinCounts }> {
  const keys = keysOfMeasure('whole')
  const [tallies, all] = await Promise.all([
    sealedTallies(ask, subject, standing, { starts: null, times: true }),
    timesOfAll(ask, standing, keys),
  ])
  const [sums = new Map<string | null, Sum>()] = tallies.values()
  const sum = emptySum()
  for (const one of sums.values()) addSum(sum, one, 1)
  if (standing.dimension === null) addSum(sum, all, 1)
  else {
    const values = [...sums.keys()].flatMap((value) => value ?? [])
    const times = await timesByLabel(ask, standing, { kept: [], others: values, all, keys })
    addSum(sum, times(otherLabel), 1)
    if (admits(subject, standing.dimension, null)) addSum(sum, times(null), 1)
  }
  return { totals: totalsOf(countsOfSum(sum, subject.funnel)), bins: binsOf(sum, 'whole', 0) }
}

/** Journeys by bin. */
async function countedTimes(context: QueryContext, subject: Subject): Promise<BinCounts> {
  const rows = await onVerdicts(subject, async (journeys: Sql) => {
    const result = await context.reads.select<{ bin: number; count: string; anyStale: number }>(
      sql`SELECT ${binOf('toUInt64(greatest(completionMs, 0))')} AS bin, count() AS count, max(stale) AS anyStale
        FROM (${journeys}) WHERE completionMs >= 0 OR stale = 1 GROUP BY bin ${raw('ORDER BY bin')}`,
      { secondsMax: context.limits.querySecondsMax },
    )
    return { result, stale: result.some(({ anyStale }) => anyStale > 0) }
  })
  const bins = noBins()
  for (const { bin, count } of rows) bins[bin] = Number(count)
  return bins
}

function bars(bins: BinCounts): TimeToCompleteAnswer['histogram'] {
  const counts = new Map<number, number>()
  for (const [bin, count] of bins.entries()) {
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

function within(bins: BinCounts, started: number, windowMs: number): TimeToCompleteAnswer['within'] {
  return [...horizons.filter((ms) => ms < windowMs), windowMs].map((ms) => {
    const completed = bins.reduce((sum, count, bin) => (count > 0 && timeOfBin(bin) <= ms ? sum + count : sum), 0)
    return { seconds: ms / 1000, completed, rate: rateOf(completed, started) }
  })
}
