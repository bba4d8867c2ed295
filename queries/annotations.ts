import type { Annotation } from '../domain/annotation.ts'
import { InvalidParameter } from '../domain/errors.ts'
import { shape } from '../domain/limits.ts'
import type { AnnotationAnswer, AnnotationRow, AnnotationsAnswer } from './answers.ts'
import { compare, daysCompared } from './before-after.ts'
import type { AnnotationQuestion, AnnotationsQuestion, QueryContext } from './context.ts'
import { revisedHours } from './marks.ts'
import { isoInZone } from './period.ts'
import { provenance } from './provenance.ts'
import { fingerprint, revisionOf } from './revision.ts'
import { resolveSubject, type Subject } from './subject.ts'

const listedDefault = 20
const dayMs = 86_400_000

/**
 * Releases and incidents of a period, the latest first, each with the completion before and after it.
 *
 * Reads   the annotations of the service, and for each one listed what compare() reads.
 * Cost    a pass over the journeys of up to 56 days, for each one listed.
 *
 * @throws {InvalidParameter} naming `from`, `to`, `tz` or `limit`
 */
export async function annotations(context: QueryContext, question: AnnotationsQuestion): Promise<AnnotationsAnswer> {
  const { limit = listedDefault } = question
  if (!Number.isInteger(limit) || limit < 1 || limit > shape.annotationsListedMax)
    throw new InvalidParameter('limit', `a whole number from 1 to ${shape.annotationsListedMax}`)
  const subject = await resolveSubject(context, question)
  const { period } = subject
  const { all, revision } = await standing(context, subject)
  const asked = all.filter(({ at }) => at >= period.from && at < period.to)
  const rows: AnnotationRow[] = []
  for (const annotation of asked.slice(0, limit)) rows.push(await rowOf(context, subject, annotation, all))
  return {
    ...provenance(subject, revision),
    period: await periodState(context, subject, rows),
    annotations: rows,
    other: asked.length - rows.length,
  }
}

/** One of them, whenever it was; the period of the answer is all that may be compared. */
export async function annotation(
  context: QueryContext,
  { service, id }: AnnotationQuestion,
): Promise<AnnotationAnswer | null> {
  const found = (await context.annotations.of(service.id)).find((each) => each.id === id)
  if (found === undefined) return null
  const subject = await resolveSubject(context, { service })
  const period = {
    from: found.at - daysCompared * dayMs,
    to: found.at + daysCompared * dayMs,
    tz: service.timeZone,
  }
  const about = { ...subject, period }
  const { all, revision } = await standing(context, about)
  const row = await rowOf(context, about, found, all)
  return {
    ...provenance(about, revision),
    period: await periodState(context, about, [row]),
    annotation: row,
  }
}

async function standing(context: QueryContext, { service }: Subject) {
  const revision = await revisionOf(context, [service])
  const all = await context.annotations.of(service.id)
  return { all, revision: `${revision}.${fingerprint(JSON.stringify(all))}` }
}

async function rowOf(
  context: QueryContext,
  subject: Subject,
  { id, at, kind, label, createdAt }: Annotation,
  all: readonly Annotation[],
): Promise<AnnotationRow> {
  const others = all.filter((other) => other.id !== id)
  return {
    id,
    at: isoInZone(at, subject.period.tz),
    kind,
    label,
    createdAt: new Date(createdAt).toISOString(),
    comparison: await compare(context, subject, at, others),
  }
}

/** partial: time alone may change a comparison yet. */
async function periodState(context: QueryContext, subject: Subject, rows: readonly AnnotationRow[]) {
  if (rows.some(({ comparison }) => !comparison.final)) return 'partial'
  return (await revisedHours(context, subject)).length > 0 ? 'revised' : 'complete'
}
