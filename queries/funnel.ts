import type { BreakdownRow, FunnelAnswer, Totals } from './answers.ts'
import { comparedPeriod, differenceOf } from './comparing.ts'
import type { FunnelQuestion, QueryContext } from './context.ts'
import { stepsOf, totalsOf } from './counts.ts'
import { groundOf, type Ground } from './ground.ts'
import type { Group } from './grouping.ts'
import { groupsOf } from './groups.ts'
import { isRevised, stateOf } from './marks.ts'
import { isoInZone, resolvePeriod } from './period.ts'
import { provenance } from './provenance.ts'
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
  const before = question.compare === undefined ? undefined : comparedPeriod(subject.period, question.compare)
  const ground = await groundOf(context, [subject.service], [subject.period, ...(before === undefined ? [] : [before])])
  const groups = await groupsOf(context, ground, subject, breakdown)
  const { whole } = groups
  const judges = await judgesOf(context, ground, subject, { whole, silenceFrom: question.silenceFrom })
  const [silent, values] = await Promise.all([
    silentCounter(context, subject, { thresholds: thresholdsOf(judges), groups }),
    groups.values(),
  ])
  const rowOf = (group: Group): Pick<FunnelAnswer, 'totals' | 'steps'> => ({
    totals: totalsOf(group.counts),
    steps: stepsOf(group.counts, subject.funnel, (position) => ({
      silent: silent(group, position),
      secondsFromPrevious: secondsAt(group, position),
    })),
  })
  const answer = rowOf(whole)
  const comparison =
    question.compare === undefined || before === undefined
      ? undefined
      : {
          with: question.compare,
          ...(await compared(context, ground, { ...subject, period: before }, answer.totals)),
        }
  return {
    ...provenance(subject, ground.revision),
    period: stateOf(answer.totals, isRevised(ground, subject)),
    ...answer,
    ...(comparison === undefined ? {} : { comparison }),
    ...(breakdown === undefined ? {} : { breakdown: values.map((group) => ({ ...named(group), ...rowOf(group) })) }),
  }
}

/** The same of another period: who was silent then is judged by the waits of its own journeys. */
async function compared(
  context: QueryContext,
  ground: Ground,
  before: Subject,
  now: Totals,
): Promise<Omit<NonNullable<FunnelAnswer['comparison']>, 'with'>> {
  const groups = await groupsOf(context, ground, before)
  const silent = await silentCounter(context, before, { thresholds: thresholdsOf(groups.whole), groups })
  const totals = totalsOf(groups.whole.counts)
  return {
    from: isoInZone(before.period.from, before.period.tz),
    to: isoInZone(before.period.to, before.period.tz),
    period: stateOf(totals, isRevised(ground, before)),
    totals,
    steps: stepsOf(groups.whole.counts, before.funnel, (position) => ({
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
  ground: Ground,
  subject: Subject,
  { whole, silenceFrom }: { readonly whole: Group; readonly silenceFrom: string | undefined },
): Promise<Group> {
  if (silenceFrom === undefined || totalsOf(whole.counts).open === 0) return whole
  const { tz } = subject.period
  const period = resolvePeriod({ from: silenceFrom, to: new Date(subject.now).toISOString() }, tz, subject.now)
  return (await groupsOf(context, ground, { ...subject, period })).whole
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
