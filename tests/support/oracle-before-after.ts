import { oracleJourneys, type OracleAsk } from './oracle.ts'

export interface OracleSide {
  readonly started: number
  readonly completed: number
}

/** What comparisons count and estimate, journey by journey, by docs/api.md, "Annotations". */
export function oracleBeforeAfter(
  ask: Omit<OracleAsk, 'from' | 'to'>,
  { at, until, horizonMs, tz }: { at: number; until: number; horizonMs: number; tz: string },
): { before: OracleSide; after: OracleSide; hours: number; difference: number } {
  const all = oracleJourneys({ ...ask, from: at - 28 * 86_400_000, to: until })
    .filter(({ state }) => state !== 'unstarted' && state !== 'excluded')
    .map(({ start, verdict }) => ({
      after: (start ?? 0) >= at,
      hour: hourOfWeek(start ?? 0, tz),
      completed: verdict.completed === 1 && verdict.completionMs <= horizonMs,
    }))
  const side = (rows: typeof all): OracleSide => ({
    started: rows.length,
    completed: rows.filter(({ completed }) => completed).length,
  })
  let [sum, weights, hours] = [0, 0, 0]
  for (const hour of new Set(all.map((row) => row.hour))) {
    const [before, after] = [false, true].map((wanted) =>
      side(all.filter((row) => row.hour === hour && row.after === wanted)),
    )
    if (before === undefined || after === undefined || before.started === 0 || after.started === 0) continue
    const weight = 1 / (1 / before.started + 1 / after.started)
    sum += weight * (after.completed / after.started - before.completed / before.started)
    weights += weight
    hours += 1
  }
  return {
    before: side(all.filter(({ after }) => !after)),
    after: side(all.filter(({ after }) => after)),
    hours,
    difference: sum / weights,
  }
}

/** As a wall calendar of the zone shows it. */
function hourOfWeek(ms: number, tz: string): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone: tz, weekday: 'short', hour: '2-digit', hourCycle: 'h23' }).format(
    ms,
  )
}
