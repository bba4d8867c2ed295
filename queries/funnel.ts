import type { BreakdownRow, Compared, FunnelAnswer, Totals } from './answers.ts'
import { comparedPeriod, differenceOf } from './comparing.ts'
import type { FunnelQuestion, QueryContext } from './context.ts'
import { stepsOf, totalsOf } from './counts.ts'
import type { Group } from './grouping.ts'
import { groupsOf } from './groups.ts'
import { revisedHours, stateOf } from './marks.ts'
import { isoInZone, resolvePeriod } from './period.ts'
import { provenance } from './provenance.ts'
import { revisionOf } from './revision.ts'
import { silentCounter, thresholdsOf } from './silent.ts'
import { assertDimension, resolveSubject, type Subject } from './subject.ts'

/**
 * How far the journeys of a period came: totals, steps and, where asked, the same for each value of a dimension.
 *
 * Reads   groupsOf(); and the open journeys once more, when enough have gone on to call some of them silent. With
 *         `silenceFrom`, groupsOf() since then first, to say how long a quiet is too long.
 * Cost    one to three passes over the period's journeys.
 * Agrees  with trend(), journeys() and the oracle: tests/integration/answer-agreement.test.ts
 *
 * @throws {InvalidParameter} naming `from`, `to`, `tz`, `version`, `where`, `breakdown` or `compare`
 */
export async function funnel(context: QueryContext, question: FunnelQuestion): Promise<FunnelAnswer> {
  const { breakdown } = question
  if (breakdown !== undefined) assertDimension(question.service, 'breakdown', breakdown)
  const subject = await resolveSubject(context, question)
  const revision = await revisionOf(context, [subject.service])
  const groups = await groupsOf(context, subject, breakdown)
  const { whole, values } = groups
  const judges = await judgesOf(context, subject, whole, question.silenceFrom)
  const silent = await silentCounter(context, subject, { thresholds: thresholdsOf(judges), groups })
  const rowOf = (group: Group): Pick<FunnelAnswer, 'totals' | 'steps'> => ({
    totals: totalsOf(group.counts),
    steps: stepsOf(group.counts, subject.funnel, (position) => ({
      silent: silent(group, position),
      secondsFromPrevious: secondsAt(group, position),
    })),
  })
  const answer = rowOf(whole)
  const comparison =
    question.compare === undefined ? undefined : await compared(context, subject, question.compare, answer.totals)
  return {
    ...provenance(subject, revision),
    period: stateOf(answer.totals, (await revisedHours(context, subject)).length > 0),
    ...answer,
    ...(comparison === undefined ? {} : { comparison }),
    ...(breakdown === undefined ? {} : { breakdown: values.map((group) => ({ ...named(group), ...rowOf(group) })) }),
  }
}

/** The same of another period: who was silent then is judged by the waits of its own journeys. */
async function compared(
  context: QueryContext,
  subject: Subject,
  compare: Compared,
  now: Totals,
): Promise<NonNullable<FunnelAnswer['comparison']>> {
  const before = { ...subject, period: comparedPeriod(subject.period, compare) }
  const groups = await groupsOf(context, before)
  const silent = await silentCounter(context, before, { thresholds: thresholdsOf(groups.whole), groups })
  const totals = totalsOf(groups.whole.counts)
  return {
    with: compare,
    from: isoInZone(before.period.from, before.period.tz),
    to: isoInZone(before.period.to, before.period.tz),
    period: stateOf(totals, (await revisedHours(context, before)).length > 0),
    totals,
    steps: stepsOf(groups.whole.counts, subject.funnel, (position) => ({
      silent: silent(groups.whole, position),
      secondsFromPrevious: secondsAt(groups.whole, position),
    })),
    completionRateDifference: differenceOf(
      { part: now.elapsed.completed, of: now.elapsed.started },
      { part: totals.elapsed.completed, of: totals.elapsed.started },
    ),
  }
}

/** Whose waits say how long a quiet is silence. */
async function judgesOf(
  context: QueryContext,
  subject: Subject,
  whole: Group,
  silenceFrom: string | undefined,
): Promise<Group> {
  if (silenceFrom === undefined || totalsOf(whole.counts).open === 0) return whole
  const { tz } = subject.period
  const period = resolvePeriod({ from: silenceFrom, to: new Date(subject.now).toISOString() }, tz, subject.now)
  return (await groupsOf(context, { ...subject, period })).whole
}

function named({ value, other }: Group): Pick<BreakdownRow, 'value' | 'other'> {
  return other ? { value, other } : { value }
}

function secondsAt({ counts, since }: Group, position: number): { median: number | null; p90: number | null } {
  const times = since[position - 1]
  if (position === 1 || times === undefined || (counts.entered[position - 1] ?? 0) === 0)
    return { median: null, p90: null }
  return { median: times.median / 1000, p90: times.p90 / 1000 }
}
