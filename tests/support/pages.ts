import { createPages, type PagesOptions } from '../../api/pages/index.tsx'
import type { Key } from '../../domain/key.ts'
import { adminKey } from '../../domain/key.ts'
import type { Service } from '../../domain/service.ts'
import { readPageAssets } from '../../infra/page-assets.ts'
import type { FunnelAnswer, LowCompletionAnswer } from '../../queries/answers.ts'
import type { FunnelQuestion, LowCompletionQuestion } from '../../queries/context.ts'
import { aFunnelAnswer, aLowCompletionAnswer, aService, type LeftHere, type RankedShape } from './answers.ts'

/** Monday 23 November 2026, 10:15 in London. */
export const pagesNow = Date.UTC(2026, 10, 23, 10, 15)
const asOf = new Date(pagesNow).toISOString()
const lastDays = { from: '2026-10-26T00:00:00.000Z', to: '2026-11-23T00:00:00.000Z', asOf }
const todayDays = { from: '2026-11-23T00:00:00.000Z', to: '2026-11-24T00:00:00.000Z', asOf }

export const fishing = aService('renew-fishing-licence', {
  targets: { completionRate: 0.9 },
  dimensions: ['licence-type'],
})
export const young = aService('report-a-pothole', {
  name: 'Report a pothole',
  department: 'transport',
  funnel: { steps: ['start', 'where', 'photo', 'sent'] },
})
export const empty = aService('apply-for-a-permit', {
  name: 'Apply for a permit',
  origins: ['https://permits.example'],
})
export const madeUp = aService('book-a-theory-test', {
  name: 'Book a theory test',
  department: 'transport',
  sample: true,
})
export const long = aService('appeal', {
  name: 'Appeal against a decision about specialeducationalneedsanddisabilitysupport in an independent non-maintained school',
  department: 'education',
})
/** A name that would be markup where it was not escaped. */
export const hostile = aService('hostile', {
  name: '<script>alert(1)</script>"\'&<img src=x onerror=alert(2)>',
  department: 'transport',
})

export const secrets = {
  read: 'wmk_read-everything-0123456789',
  fishing: 'wmk_read-one-service-012345678',
  transport: 'wmk_read-a-department-0123456',
  ingest: 'wmk_only-ingest-0123456789012',
  admin: 'wma_admin-0123456789012345678',
}

const fishingLeft: LeftHere[] = [
  { name: 'Start', abandoned: 118 },
  { name: 'Your name', abandoned: 13, open: 4, silent: 3 },
  { name: 'Check answers', failed: 4, abandoned: 41, open: 6, silent: 1, anyOf: ['check-answers', 'review'] },
  { name: 'Pay', abandoned: 402, failed: 32, open: 37, silent: 21, optional: true },
  { name: 'Done', completed: 840 },
]
const youngLeft: LeftHere[] = [
  { name: 'Start', open: 40, silent: 31 },
  { name: 'Where', open: 12, silent: 4 },
  { name: 'Photo', open: 61, silent: 52 },
  { name: 'Sent', completed: 88 },
]

const ranked: RankedShape[] = [
  {
    id: fishing.id,
    name: fishing.name,
    department: 'environment-agency',
    started: 1450,
    completed: 840,
    open: 47,
    probabilityWorst: 0.991,
    worst: { name: 'Pay', position: 4, lost: 434 },
  },
  {
    id: young.id,
    name: young.name,
    department: 'transport',
    started: 88,
    completed: 61,
    open: 113,
    probabilityWorst: 0.12,
    worst: { name: 'Photo', position: 3, lost: 21 },
  },
  {
    id: long.id,
    name: long.name,
    department: 'education',
    started: 212,
    completed: 171,
    worst: { name: 'Upload the decision letter', position: 6, lost: 22 },
  },
  {
    id: hostile.id,
    name: hostile.name,
    department: 'transport',
    started: 41,
    completed: 36,
    worst: { name: '<b>Check</b>', position: 2, lost: 3 },
  },
  ...[
    'Tax a vehicle',
    'Find a grave',
    'Register a birth',
    'Get a passport',
    'Pay a fine',
    'Change an address',
    'Apply for a blue badge',
  ].map((name, index): RankedShape => ({
    id: name.toLowerCase().replaceAll(' ', '-'),
    name,
    department: 'transport',
    started: [4210, 58, 930, 8800, 2200, 640, 355][index] ?? 1,
    completed: [3790, 51, 810, 8010, 1804, 577, 298][index] ?? 1,
    open: 12 * index,
    probabilityWorst: 0.004 * index,
    worst: { name: 'Check your answers', position: 5, lost: 20 + index },
  })),
  { id: empty.id, name: empty.name, department: 'environment-agency', started: 0, completed: 0 },
]

const services = [fishing, young, empty, madeUp, long, hostile]

function funnelOf({ service, from, breakdown }: FunnelQuestion): FunnelAnswer {
  const days = from?.startsWith('2026-11-23') === true ? todayDays : lastDays
  const shape = (left: readonly LeftHere[]) => ({ service: service.id, ...days, left, unstarted: 12, excluded: 3 })
  const nothing = {
    ...shape(service.funnel.steps.map((step) => ({ name: typeof step === 'string' ? step : 'step', silent: null }))),
    unstarted: 0,
    excluded: 0,
  }
  if (service.id === empty.id) return aFunnelAnswer(nothing)
  if (service.id === young.id) return aFunnelAnswer({ ...shape(youngLeft), fresh: true })
  if (service.id === hostile.id)
    return aFunnelAnswer(
      shape([
        { name: '<script>alert(3)</script>', abandoned: 5 },
        { name: '" onload="alert(4)', completed: 36 },
      ]),
    )
  if (days === todayDays)
    return aFunnelAnswer(
      shape(
        fishingLeft.map(({ name, completed }) => ({
          name,
          completed: Math.round((completed ?? 0) / 40),
          open: 2,
          silent: 1,
        })),
      ),
    )
  if (breakdown === undefined) return aFunnelAnswer(shape(fishingLeft))
  const part = (share: number) =>
    shape(
      fishingLeft.map((row) => ({
        ...row,
        abandoned: Math.round((row.abandoned ?? 0) * share),
        open: 0,
        silent: null,
      })),
    )
  return aFunnelAnswer(shape(fishingLeft), [
    ['desktop', part(0.3)],
    ['mobile', part(0.6)],
    [null, part(0.1)],
  ])
}

function rankingOf(question: LowCompletionQuestion, shapes: readonly RankedShape[]): LowCompletionAnswer {
  return aLowCompletionAnswer({
    ...lastDays,
    services: shapes.filter(
      ({ department }) => question.department === undefined || department === question.department,
    ),
  })
}

export interface PagesWorld {
  readonly options: PagesOptions
  readonly pages: ReturnType<typeof createPages>
  /** Keys that stand; take one away to revoke it. */
  readonly keys: Map<string, Key>
  readonly services: Map<string, Service>
  readonly asked: { readonly funnel: FunnelQuestion[]; readonly ranking: LowCompletionQuestion[] }
  readonly failures: unknown[]
  now: number
}

const key = (id: string, limits: Pick<Key, 'service' | 'department'>, scopes: Key['scopes'] = ['read']): Key => ({
  id,
  name: `The ${id} key`,
  prefix: 'wmk_',
  scopes,
  createdAt: asOf,
  ...limits,
})

/** Pages over answers of a few made counts, with keys of every reach, and what was asked of the questions. */
export async function pagesWorld(
  changes: Partial<PagesOptions> = {},
  known: readonly Service[] = services,
): Promise<PagesWorld> {
  const keys = new Map<string, Key>([
    [secrets.read, key('read', {})],
    [secrets.fishing, key('fishing', { service: fishing.id })],
    [secrets.transport, key('transport', { department: 'transport' })],
    [secrets.ingest, key('ingest', {}, ['ingest'])],
    [secrets.admin, adminKey],
  ])
  const byId = new Map(known.map((service) => [service.id, service]))
  const asked: PagesWorld['asked'] = { funnel: [], ranking: [] }
  const failures: unknown[] = []
  let sessions = 0
  const options: PagesOptions = {
    questions: {
      funnel: async (question) => {
        asked.funnel.push(question)
        return funnelOf(question)
      },
      lowCompletion: async (question) => {
        asked.ranking.push(question)
        return rankingOf(question, known.length === 0 ? [] : ranked)
      },
    },
    registry: {
      service: async (id) => byId.get(id),
      services: async () => [...byId.values()],
      keyBySecret: async (secret) => keys.get(secret),
      keys: async () => [...keys.values()].filter(({ id }) => id !== adminKey.id),
    },
    clock: { now: () => world.now },
    auth: { loopback: true, signingSecret: 'a secret of the tests', newId: () => `session-${(sessions += 1)}` },
    assets: await readPageAssets(),
    signals: { pageFailed: (error) => failures.push(error) },
    ...changes,
  }
  const world: PagesWorld = {
    options,
    pages: createPages(options),
    keys,
    services: byId,
    asked,
    failures,
    now: pagesNow,
  }
  return world
}
