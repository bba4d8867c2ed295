import { newcombe } from '../domain/statistics/newcombe.ts'
import { wilson } from '../domain/statistics/wilson.ts'
import { discoveryReasons, outsideReasons } from '../domain/discovery/reasons.ts'
import type {
  Difference,
  DiscoverAnswer,
  DiscoveredStep,
  FunnelAnswer,
  FunnelAnswerStep,
  JourneysAnswer,
  LowCompletionAnswer,
  OpportunitiesAnswer,
  PathsAnswer,
  Rate,
  TimeToCompleteAnswer,
  Totals,
  TrailAnswer,
  TrendAnswer,
  TrendPeriod,
} from '../queries/answers.ts'

/** Examples of the documentation; a test holds each against its schema, and the numbers against each other. */

export const serviceInputExample = {
  name: 'Renew a fishing licence',
  department: 'environment-agency',
  supplier: 'acme',
  owner: 'Fishing team',
  timeZone: 'Europe/London',
  origins: ['https://fishing.example'],
  dimensions: ['licence-type'],
  funnel: {
    steps: [
      'start',
      { step: 'your-name', name: 'Your name' },
      { anyOf: ['pay-card', 'pay-bank'], name: 'Pay', within: 'PT30M' },
      'done',
    ],
    order: 'ordered',
    window: 'P7D',
    exclude: [{ step: 'cancelled', after: 1, before: 4 }],
  },
  targets: { completionRate: 0.9 },
  costs: { currency: 'GBP', otherChannel: 7.5 },
  publicKey: false,
}

export const serviceExample = {
  ...serviceInputExample,
  id: 'renew-fishing-licence',
  version: 2,
  createdAt: '2025-12-01T09:30:00.000Z',
  sample: false,
}

const rate = (value: number, low: number, high: number): Rate => ({ value, low, high })

const asked = {
  service: 'renew-fishing-licence',
  from: '2026-01-05T00:00:00.000Z',
  to: '2026-02-02T00:00:00.000Z',
  tz: 'Europe/London',
  asOf: '2026-02-12T10:00:00.000Z',
  revision: 'm8x2k1-4',
  period: 'complete',
  version: 2,
} as const

const rounded = (value: number): number => Math.round(value * 10_000) / 10_000

/** A rate as an answer has it, to four digits. */
function share(part: number, of: number): Rate {
  const { low, high } = wilson(part, of) ?? { low: 0, high: 1 }
  return rate(rounded(part / of), rounded(low), rounded(high))
}

/** All windows have passed. */
const totalsOf = (started: number, completed: number): Totals => ({
  started,
  completed,
  failed: 0,
  abandoned: started - completed,
  open: 0,
  elapsed: { started, completed },
  unstarted: 0,
  excluded: 0,
  completionRate: share(completed, started),
  soFar: share(completed, started),
  atBest: share(completed, started),
})

const nothingLeft = { completed: 0, failed: 0, abandoned: 0, open: 0, silent: 0 }

interface ShownStep {
  readonly named: Pick<FunnelAnswerStep, 'step' | 'anyOf' | 'name'>
  readonly entered: number
  readonly seconds: FunnelAnswerStep['secondsFromPrevious']
}

const stepsOf = (shown: readonly ShownStep[]): FunnelAnswerStep[] =>
  shown.map(({ named, entered, seconds }, index) => {
    const [started, before, next] = [shown[0]?.entered ?? 0, shown[index - 1]?.entered, shown[index + 1]?.entered]
    const passed = next ?? 0
    return {
      position: index + 1,
      ...named,
      optional: false,
      entered,
      passed,
      elapsed: { entered, passed },
      left: { ...nothingLeft, ...(next === undefined ? { completed: entered } : { abandoned: entered - passed }) },
      rateFromStart: share(entered, started),
      rateFromPrevious: before === undefined ? null : share(entered, before),
      secondsFromPrevious: seconds,
    }
  })

const named = {
  start: { step: 'start', name: 'start' },
  name: { step: 'your-name', name: 'Your name' },
  pay: { step: 'pay-card', anyOf: ['pay-card', 'pay-bank'], name: 'Pay' },
  done: { step: 'done', name: 'done' },
}
const noSeconds = { median: null, p90: null }

export const funnelExample: FunnelAnswer = {
  ...asked,
  totals: totalsOf(1434, 784),
  steps: stepsOf([
    { named: named.start, entered: 1434, seconds: noSeconds },
    { named: named.name, entered: 1316, seconds: { median: 41, p90: 130 } },
    { named: named.pay, entered: 797, seconds: { median: 95, p90: 310 } },
    { named: named.done, entered: 784, seconds: { median: 12, p90: 48 } },
  ]),
  comparison: {
    with: 'previous',
    from: '2025-12-08T00:00:00.000Z',
    to: '2026-01-05T00:00:00.000Z',
    period: 'complete',
    totals: totalsOf(1502, 901),
    steps: stepsOf([
      { named: named.start, entered: 1502, seconds: noSeconds },
      { named: named.name, entered: 1389, seconds: { median: 40, p90: 125 } },
      { named: named.pay, entered: 918, seconds: { median: 90, p90: 300 } },
      { named: named.done, entered: 901, seconds: { median: 12, p90: 50 } },
    ]),
    completionRateDifference: differenceTo(901, 1502, 784, 1434),
  },
}

/** Of the second rate less the first, to four digits. */
function differenceTo(before: number, ofBefore: number, now: number, ofNow: number): Difference {
  const { low, high } = newcombe(now, ofNow, before, ofBefore) ?? { low: -1, high: 1 }
  return { value: rounded(now / ofNow - before / ofBefore), low: rounded(low), high: rounded(high) }
}

/** Bars as answers have them, four for each doubling; those between are empty. */
const bars = [
  { from: 393.216, to: 458.752, count: 150 },
  { from: 458.752, to: 524.288, count: 210 },
  { from: 524.288, to: 655.36, count: 150 },
  { from: 655.36, to: 786.432, count: 40 },
  { from: 786.432, to: 917.504, count: 45 },
  { from: 1835.008, to: 2097.152, count: 80 },
  { from: 2097.152, to: 2621.44, count: 60 },
  { from: 83886.08, to: 100663.296, count: 49 },
]

const completedWithin = [
  [60, 0],
  [300, 0],
  [900, 590],
  [1800, 595],
  [3600, 735],
  [14400, 735],
  [86400, 760],
  [259200, 784],
  [604800, 784],
] as const

export const timeToCompleteExample: TimeToCompleteAnswer = {
  ...asked,
  count: 784,
  p50: 540,
  p75: 900,
  p90: 2400,
  p95: 86400,
  histogram: bars,
  within: completedWithin.map(([seconds, completed]) => ({ seconds, completed, rate: share(completed, 1434) })),
}

const weekOf = (start: string, end: string, started: number, completed: number): TrendPeriod => ({
  start: `${start}T00:00:00.000Z`,
  end: `${end}T00:00:00.000Z`,
  started,
  completed,
  failed: 0,
  abandoned: started - completed,
  open: 0,
  unstarted: 0,
  excluded: 0,
  elapsed: { started, completed },
  rate: started === 0 ? null : share(completed, started),
  state: 'complete',
})

export const trendExample: TrendAnswer = {
  ...asked,
  interval: 'week',
  from: '2026-01-05T00:00:00.000Z',
  to: '2026-01-19T00:00:00.000Z',
  periods: [weekOf('2026-01-05', '2026-01-12', 351, 190), weekOf('2026-01-12', '2026-01-19', 0, 0)],
  breakdown: [
    {
      value: 'mobile',
      periods: [weekOf('2026-01-05', '2026-01-12', 218, 97), weekOf('2026-01-12', '2026-01-19', 0, 0)],
    },
    {
      value: 'desktop',
      periods: [weekOf('2026-01-05', '2026-01-12', 133, 93), weekOf('2026-01-12', '2026-01-19', 0, 0)],
    },
  ],
  comparison: {
    with: 'previous',
    from: '2025-12-22T00:00:00.000Z',
    to: '2026-01-05T00:00:00.000Z',
    period: 'complete',
    periods: [weekOf('2025-12-22', '2025-12-29', 298, 176), weekOf('2025-12-29', '2026-01-05', 340, 204)],
  },
}

const ofJourneys = (journeys: number, completed: number) => ({ journeys, completed, lost: journeys - completed })
const nothingMore = { rows: 0, journeys: 0 }

export const pathsExample: PathsAnswer = {
  ...asked,
  step: 'your-name',
  position: 2,
  started: 1434,
  seen: 1316,
  entered: 1316,
  began: 0,
  ended: 402,
  next: [
    { step: 'pay-card', ...ofJourneys(640, 630) },
    { step: 'pay-bank', ...ofJourneys(157, 154) },
    { step: 'help', ...ofJourneys(131, 14) },
  ],
  previous: [
    { step: 'start', ...ofJourneys(1316, 784) },
    { step: 'pay-card', ...ofJourneys(88, 61) },
  ],
  loops: [
    { step: 'your-name', back: 'your-name', ...ofJourneys(243, 97), times: 391 },
    { step: 'pay-card', back: 'your-name', ...ofJourneys(88, 61), times: 95 },
  ],
  edges: [],
  instead: {
    ...ofJourneys(519, 0),
    nothing: ofJourneys(402, 0),
    next: [{ step: 'help', ...ofJourneys(117, 0) }],
    last: [{ step: 'help', ...ofJourneys(117, 0) }],
  },
  other: {
    next: nothingMore,
    previous: nothingMore,
    loops: nothingMore,
    edges: nothingMore,
    insteadNext: nothingMore,
    insteadLast: nothingMore,
  },
}

const journey = {
  journey: '9f86d081884c7d65',
  start: '2026-01-05T09:12:44.000Z',
  state: 'abandoned',
  furthest: 'your-name',
  position: 2,
} as const

export const journeysExample: JourneysAnswer = { ...asked, journeys: [journey], cursor: null }

export const trailExample: TrailAnswer = {
  service: asked.service,
  asOf: asked.asOf,
  revision: asked.revision,
  period: asked.period,
  version: asked.version,
  ...journey,
  eventsDropped: 0,
  events: [
    {
      type: 'step',
      step: 'start',
      at: 1767604364000,
      seq: 0,
      channel: 'online',
      attrs: { channel: 'online', device: 'mobile' },
    },
    {
      type: 'step',
      step: 'your-name',
      at: 1767604405000,
      seq: 0,
      channel: 'online',
      attrs: { channel: 'online', device: 'mobile', 'licence-type': 'coarse' },
    },
  ],
}

export const lowCompletionExample: LowCompletionAnswer = {
  from: asked.from,
  to: asked.to,
  tz: 'UTC',
  asOf: asked.asOf,
  revision: asked.revision,
  period: asked.period,
  services: [
    {
      rank: 1,
      id: 'renew-fishing-licence',
      name: 'Renew a fishing licence',
      department: 'environment-agency',
      sample: false,
      started: 1434,
      completed: 784,
      elapsed: { started: 1434, completed: 784 },
      rate: rate(0.5467, 0.5209, 0.5723),
      shrunkRate: 0.5489,
      probabilityWorst: 0.97,
      flagged: true,
      worstStep: { step: 'your-name', name: 'Your name', position: 2, lost: 519 },
    },
  ],
  funnelPlot: {
    mean: 0.81,
    phi: 4.2,
    tau: 0.09,
    points: [{ id: 'renew-fishing-licence', started: 1434, rate: 0.5467, z: -2.9 }],
    limits: [{ started: 1434, low95: 0.63, high95: 0.93, low998: 0.5, high998: 0.98 }],
  },
}

export const opportunitiesExample: OpportunitiesAnswer = {
  from: asked.from,
  to: asked.to,
  tz: 'UTC',
  asOf: asked.asOf,
  revision: asked.revision,
  period: asked.period,
  opportunities: [
    {
      rank: 1,
      service: 'renew-fishing-licence',
      name: 'Renew a fishing licence',
      department: 'environment-agency',
      sample: false,
      position: 2,
      step: 'your-name',
      stepName: 'Your name',
      entered: 1316,
      lost: 519,
      keptRate: rate(0.6056, 0.579, 0.6317),
      finishingRate: rate(0.9837, 0.9723, 0.9904),
      benchmark: 'peers',
      peers: { services: 23, rate: 0.86, recoverable: { value: 328.1, low: 281.7, high: 373.2 } },
      bestQuarter: {
        from: '2025-08-04T00:00:00.000Z',
        to: '2025-11-03T00:00:00.000Z',
        rate: 0.64,
        recoverable: { value: 43.4, low: 2.1, high: 84.6 },
      },
      recoverable: { value: 328.1, low: 281.7, high: 373.2 },
      cost: { value: 2460.75, low: 2112.75, high: 2799, currency: 'GBP' },
      costReason: null,
    },
  ],
  other: 0,
}

const seenStep: Omit<DiscoveredStep, 'step' | 'journeys' | 'share' | 'position'> = {
  medianPosition: 1,
  optional: false,
  confidence: 0.999,
  reasons: [],
  outside: null,
}

export const discoverExample: DiscoverAnswer = {
  ...asked,
  journeys: { seen: 1500, lookedAt: 1500 },
  funnel: {
    steps: ['start', { step: 'eligibility', optional: true }, { anyOf: ['pay-card', 'pay-bank'] }, 'done'],
    order: 'ordered',
    window: 'P3D',
  },
  noFunnel: null,
  confidence: {
    order: 0.999,
    overall: 0.9,
    reasons: [{ code: 'end-unsure', words: discoveryReasons['end-unsure'] }],
  },
  window: { completions: 784, coveringSeconds: 181440, suggested: 'P3D' },
  steps: [
    { ...seenStep, step: 'start', journeys: 1434, share: 0.956, position: 1 },
    {
      ...seenStep,
      step: 'eligibility',
      journeys: 610,
      share: 0.4067,
      medianPosition: 2,
      position: 2,
      optional: true,
    },
    { ...seenStep, step: 'pay-card', journeys: 590, share: 0.3933, medianPosition: 3, position: 3 },
    { ...seenStep, step: 'pay-bank', journeys: 214, share: 0.1427, medianPosition: 3, position: 3 },
    {
      ...seenStep,
      step: 'done',
      journeys: 784,
      share: 0.5227,
      medianPosition: 4,
      position: 4,
      confidence: 0.9,
      reasons: [{ code: 'end-unsure', words: discoveryReasons['end-unsure'] }],
    },
    {
      ...seenStep,
      step: 'help',
      journeys: 96,
      share: 0.064,
      medianPosition: 3,
      position: null,
      optional: null,
      confidence: null,
      outside: { code: 'foreign', words: outsideReasons.foreign },
    },
  ],
  branches: [
    {
      position: 3,
      anyOf: [
        { step: 'pay-card', journeys: 590, share: 0.3933 },
        { step: 'pay-bank', journeys: 214, share: 0.1427 },
      ],
      optional: false,
      taken: rate(0.9885, 0.9785, 0.9939),
      confidence: 0.999,
    },
  ],
}
