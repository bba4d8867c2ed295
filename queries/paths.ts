import { InvalidParameter } from '../domain/errors.ts'
import type { PathsAnswer } from './answers.ts'
import type { PathsQuestion, QueryContext } from './context.ts'
import { revisedHours, stateOf } from './marks.ts'
import type { PathsInstead, PathsOther } from './paths-answer.ts'
import { othersStatement, pathsStatement, type Focus, type ListName, pathKinds } from './paths-statement.ts'
import { provenance } from './provenance.ts'
import { revisionOf } from './revision.ts'
import { isNameSeen, nameByHash } from './seen-names.ts'
import { positionAsked, resolveSubject, type Subject } from './subject.ts'
import { onVerdicts } from './verdicts.ts'

const pathsDefault = 20
/** Rows of a list. */
export const pathsMax = 200

interface Row {
  readonly kind: number
  /** Hashes of names: where from, where to; 0 where there is none. */
  readonly a: string
  readonly b: string
  readonly journeys: string
  readonly times: string
  readonly completed: string
  readonly lost: string
  /** Of the kind, before the cut-off. */
  readonly rows: string
  readonly key: string
}

interface OtherRow {
  readonly kind: number
  readonly journeys: string
}

/**
 * Where journeys go from a step, come from and turn back, and what those see instead who do not go on; or the
 * same of the whole service. Of the journeys that started in the period, the whole trail, its step events by
 * (at, seq), those equal in both in a fixed order. A step shown again at once is one visit, but for loops.
 *
 * Reads   journeysOf() and, beside it, the packed trails of the same journeys; once more when a list is cut.
 * Cost    one pass over the period's journeys, and their step events.
 * Agrees  with funnel(): started, entered, and instead = entered - passed; with the oracle:
 *         tests/integration/queries-paths.test.ts
 *
 * @throws {InvalidParameter} naming `from`, `to`, `tz`, `version`, `where`, `step`, `position` or `limit`
 */
export async function paths(context: QueryContext, question: PathsQuestion): Promise<PathsAnswer> {
  const { limit = pathsDefault, step } = question
  if (!Number.isInteger(limit) || limit < 1 || limit > pathsMax)
    throw new InvalidParameter('limit', `a whole number from 1 to ${pathsMax}`)
  const subject = await resolveSubject(context, question)
  const focus = await focusOf(context, subject, question)
  const revision = await revisionOf(context, [subject.service])
  const counted = await onVerdicts(subject, async (journeys) => {
    const options = { secondsMax: context.limits.querySecondsMax }
    const rows = await context.reads.select<Row>(pathsStatement(subject, journeys, focus, limit), options)
    const stale = rows.some(({ kind }) => kind === pathKinds.stale)
    const isCut = !stale && rows.some((row) => Number(row.rows) > limit)
    const kept = rows.map(({ key }) => BigInt(key))
    const others = isCut
      ? await context.reads.select<OtherRow>(othersStatement(subject, journeys, focus, kept), options)
      : []
    return { result: { rows, others }, stale }
  })
  const names = await nameByHash(context, subject, [...new Set(counted.rows.flatMap(({ a, b }) => [a, b]))])
  const read = reader(counted, (hash) => names.get(hash) ?? null)
  const started = read.journeys('started')
  return {
    ...provenance(subject, revision),
    period: stateOf(
      { started, elapsed: { started: read.journeys('elapsed') } },
      (await revisedHours(context, subject)).length > 0,
    ),
    step: step ?? null,
    position: focus?.position ?? null,
    started,
    seen: read.journeys('seen'),
    entered: focus === null || focus.position === null ? null : read.journeys('entered'),
    began: read.journeys('began'),
    ended: read.journeys('ended'),
    next: read.steps('next'),
    previous: read.steps('previous'),
    loops: read.pairs('loops').map(({ from, to, ...counts }) => ({ step: from, back: to, ...counts })),
    edges: read.pairs('edges'),
    instead: focus === null ? null : insteadOf(read),
    other: {
      next: read.other('next'),
      previous: read.other('previous'),
      loops: read.other('loops'),
      edges: read.other('edges'),
      insteadNext: read.other('insteadNext'),
      insteadLast: read.other('insteadLast'),
    },
  }
}

/**
 * @throws {InvalidParameter} naming `step`, when neither the funnel nor any event kept has this name, or `position`
 */
async function focusOf(context: QueryContext, subject: Subject, question: PathsQuestion): Promise<Focus | null> {
  const { step, position } = question
  if (step === undefined) {
    if (position !== undefined) throw new InvalidParameter('position', 'only together with `step`')
    return null
  }
  const { positions, order } = subject.funnel
  const isInFunnel = positions.some(({ names }) => names.includes(step))
  if (!isInFunnel && !(await isNameSeen(context, subject.service, step)))
    throw new InvalidParameter('step', 'the name of a step that this service has, in its funnel or in events')
  if (order === 'any' || !isInFunnel) {
    if (position !== undefined) throw new InvalidParameter('position', 'only with a step of an ordered funnel')
    return { step, position: null }
  }
  return { step, position: positionAsked(subject.funnel, { step, position }) }
}

interface Counted {
  readonly rows: readonly Row[]
  readonly others: readonly OtherRow[]
}

type Reader = ReturnType<typeof reader>

function reader({ rows, others }: Counted, nameOf: (hash: string) => string | null) {
  const of = (kind: keyof typeof pathKinds) => rows.filter((row) => row.kind === pathKinds[kind])
  const outcomes = (row: Row | undefined) => ({
    journeys: Number(row?.journeys ?? 0),
    completed: Number(row?.completed ?? 0),
    lost: Number(row?.lost ?? 0),
  })
  return {
    outcomes: (kind: keyof typeof pathKinds) => outcomes(of(kind)[0]),
    journeys: (kind: keyof typeof pathKinds) => outcomes(of(kind)[0]).journeys,
    steps: (kind: ListName) => of(kind).map((row) => ({ step: nameOf(row.a), ...outcomes(row) })),
    pairs: (kind: ListName) =>
      of(kind).map((row) => ({
        from: nameOf(row.a),
        to: nameOf(row.b),
        ...outcomes(row),
        times: Number(row.times),
      })),
    other: (kind: ListName): PathsOther => ({
      rows: Number(of(kind)[0]?.rows ?? 0) - of(kind).length,
      journeys: Number(others.find((row) => row.kind === pathKinds[kind])?.journeys ?? 0),
    }),
  }
}

function insteadOf(read: Reader): PathsInstead {
  return {
    ...read.outcomes('stopped'),
    nothing: read.outcomes('nothing'),
    next: read.steps('insteadNext'),
    last: read.steps('insteadLast'),
  }
}
