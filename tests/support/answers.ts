import {
  funnelAnswer,
  lowCompletionAnswer,
  type FunnelAnswer,
  type FunnelAnswerStep,
  type LowCompletionAnswer,
  type Rate,
  type Totals,
} from '../../queries/answers.ts'
import { serviceInput, type Service } from '../../domain/service.ts'
import { wilson } from '../../domain/statistics/wilson.ts'

/** Answers as pages get them, made from a few counts: every identity of an answer holds, and the schemas agree. */

export function aService(id: string, changes: Partial<Service> = {}): Service {
  const input = serviceInput.parse({
    name: 'Renew a fishing licence',
    department: 'environment-agency',
    owner: 'Fishing team',
    timeZone: 'Europe/London',
    funnel: { steps: ['start', 'your-name', 'check-answers', 'pay', 'done'] },
  })
  return { ...input, id, version: 1, createdAt: '2026-10-01T09:00:00.000Z', sample: false, deleted: false, ...changes }
}

export interface LeftHere {
  readonly name: string
  readonly completed?: number
  readonly failed?: number
  readonly abandoned?: number
  readonly open?: number
  readonly silent?: number | null
  readonly optional?: boolean
  readonly anyOf?: string[]
}

interface FunnelShape {
  readonly service: string
  readonly from: string
  readonly to: string
  readonly tz?: string
  readonly asOf: string
  /** Who came no further than each step. */
  readonly left: readonly LeftHere[]
  readonly unstarted?: number
  readonly excluded?: number
  /** No window has passed yet, of those who are done neither. Else that of everybody who is not open has. */
  readonly fresh?: boolean
}

function rateOf(part: number, all: number): Rate | null {
  const interval = wilson(part, all)
  return interval === null ? null : { value: part / all, low: interval.low, high: interval.high }
}

const total = (rows: readonly LeftHere[], of: (row: LeftHere) => number | undefined): number =>
  rows.reduce((sum, row) => sum + (of(row) ?? 0), 0)

function totalsOf({ left, unstarted = 0, excluded = 0, fresh = false }: FunnelShape): Totals {
  const completed = total(left, (row) => row.completed)
  const failed = total(left, (row) => row.failed)
  const abandoned = total(left, (row) => row.abandoned)
  const open = total(left, (row) => row.open)
  const started = completed + failed + abandoned + open
  const elapsed = fresh ? { started: 0, completed: 0 } : { started: started - open, completed }
  return {
    started,
    completed,
    failed,
    abandoned,
    open,
    elapsed,
    unstarted,
    excluded,
    completionRate: rateOf(elapsed.completed, elapsed.started),
    soFar: rateOf(completed, started),
    atBest: rateOf(completed + open, started),
  }
}

function stepsOf({ left, fresh = false }: FunnelShape): FunnelAnswerStep[] {
  const reached = (rows: readonly LeftHere[]): number =>
    total(rows, (row) => (row.completed ?? 0) + (row.failed ?? 0) + (row.abandoned ?? 0) + (row.open ?? 0))
  const elapsedOf = (rows: readonly LeftHere[]): number => (fresh ? 0 : reached(rows) - total(rows, (row) => row.open))
  return left.map((row, index) => {
    const here = left.slice(index)
    const later = left.slice(index + 1)
    const elapsed = { entered: elapsedOf(here), passed: elapsedOf(later) }
    return {
      position: index + 1,
      step: row.anyOf?.[0] ?? row.name.toLowerCase().replaceAll(' ', '-'),
      ...(row.anyOf === undefined ? {} : { anyOf: row.anyOf }),
      name: row.name,
      optional: row.optional ?? false,
      entered: reached(here),
      passed: reached(later),
      elapsed,
      left: {
        completed: row.completed ?? 0,
        failed: row.failed ?? 0,
        abandoned: row.abandoned ?? 0,
        open: row.open ?? 0,
        silent: row.silent === undefined ? 0 : row.silent,
      },
      rateFromStart: rateOf(elapsed.entered, elapsedOf(left)),
      rateFromPrevious: index === 0 ? null : rateOf(elapsed.entered, elapsedOf(left.slice(index - 1))),
      secondsFromPrevious:
        index === 0 || elapsed.entered === 0 ? { median: null, p90: null } : { median: 41.5 * index, p90: 230 * index },
    }
  })
}

export function aFunnelAnswer(shape: FunnelShape, breakdown?: readonly (readonly [string | null, FunnelShape])[]) {
  const { service, from, to, asOf } = shape
  const answer: FunnelAnswer = {
    service,
    from,
    to,
    tz: shape.tz ?? 'Europe/London',
    asOf,
    revision: 'k3x9',
    period: totalsOf(shape).open > 0 ? 'partial' : 'complete',
    version: 1,
    totals: totalsOf(shape),
    steps: stepsOf(shape),
    ...(breakdown === undefined
      ? {}
      : {
          breakdown: breakdown.map(([value, rows]) => ({ value, totals: totalsOf(rows), steps: stepsOf(rows) })),
        }),
  }
  return funnelAnswer.parse(answer)
}

export interface RankedShape {
  readonly id: string
  readonly name: string
  readonly department?: string
  readonly sample?: boolean
  readonly started: number
  readonly completed: number
  readonly open?: number
  readonly probabilityWorst?: number
  readonly worst?: { name: string; position: number; lost: number }
}

interface RankingShape {
  readonly from: string
  readonly to: string
  readonly asOf: string
  readonly services: readonly RankedShape[]
}

/** Ranked by the raw rate, with round numbers where the model's would stand: enough for a page to show. */
export function aLowCompletionAnswer({ from, to, asOf, services }: RankingShape): LowCompletionAnswer {
  const started = services.reduce((sum, service) => sum + service.started, 0)
  const completed = services.reduce((sum, service) => sum + service.completed, 0)
  const mean = started === 0 ? null : completed / started
  const some = services.filter((service) => service.started > 0)
  const ordered = [...some].sort((one, other) => one.completed / one.started - other.completed / other.started)
  const sizes = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]
  const limit = (size: number, z: number): number =>
    mean === null ? 0 : Math.min(1, Math.max(0, mean + z * (Math.sqrt((mean * (1 - mean)) / size) + 0.06)))
  return lowCompletionAnswer.parse({
    from,
    to,
    tz: 'Europe/London',
    asOf,
    revision: 'k3x9',
    period: 'partial',
    services: [...ordered, ...services.filter((service) => service.started === 0)].map((service, index) => ({
      rank: service.started === 0 ? null : index + 1,
      id: service.id,
      name: service.name,
      department: service.department ?? null,
      sample: service.sample ?? false,
      started: service.started + (service.open ?? 0),
      completed: service.completed,
      elapsed: { started: service.started, completed: service.completed },
      rate: rateOf(service.completed, service.started),
      shrunkRate: service.started === 0 ? null : (service.completed + 10 * (mean ?? 0)) / (service.started + 10),
      probabilityWorst: service.started === 0 ? null : (service.probabilityWorst ?? 0.02),
      flagged: (service.probabilityWorst ?? 0) >= 0.95,
      worstStep:
        service.worst === undefined
          ? null
          : { ...service.worst, step: service.worst.name.toLowerCase().replaceAll(' ', '-') },
    })),
    funnelPlot: {
      mean,
      phi: mean === null ? null : 3.2,
      tau: mean === null ? null : 0.4,
      points: some.map((service) => ({
        id: service.id,
        started: service.started,
        rate: service.completed / service.started,
        z: 0,
      })),
      limits:
        mean === null
          ? []
          : sizes.map((size) => ({
              started: size,
              low95: limit(size, -1.96),
              high95: limit(size, 1.96),
              low998: limit(size, -3.09),
              high998: limit(size, 3.09),
            })),
    },
  })
}
