import { z } from 'zod'
import { pathsFields } from './paths-answer.ts'
import { discoveryReasons, noSuggestionReasons, outsideReasons } from '../domain/discovery/reasons.ts'
import { funnelInput } from '../domain/service.ts'
import { annotationKinds } from '../domain/annotation.ts'

/**
 * The shapes of every answer. OpenAPI is made from them, so a description here is what a caller reads.
 * Times are ISO 8601 strings, but for the events of a trail, whose `at` is in milliseconds as it was sent.
 */

const count = z.int().min(0)
const instant = z.string().describe('ISO 8601 instant')
const share = z.number().min(0).max(1)

export const rate = z
  .strictObject({ value: share, low: share, high: share })
  .meta({ id: 'Rate', description: 'A proportion with its Wilson score interval, 95 %' })
export type Rate = z.infer<typeof rate>

const rateOrNull = rate.nullable()

export const periodState = z.enum(['complete', 'partial', 'revised']).meta({
  id: 'PeriodState',
  description:
    'partial: the first start + window of some journey in it has not passed. ' +
    'revised: a cohort hour that was complete was changed later by new events. Else complete.',
})
export type PeriodState = z.infer<typeof periodState>

/** What every answer says of itself. */
const provenance = {
  asOf: instant.describe('The moment that the states are of'),
  revision: z.string().describe('Changes whenever data or definitions that this answer reads have changed'),
  period: periodState,
}

const range = {
  from: instant.describe('Inclusive'),
  to: instant.describe('Exclusive'),
  tz: z.string().describe('IANA time zone'),
}

const asked = {
  service: z.string(),
  ...range,
  ...provenance,
  version: z.int().min(1).nullable().describe("Version of the service's funnel; null for an ad hoc funnel"),
}

export const totals = z
  .strictObject({
    started: count.describe('completed + failed + abandoned + open'),
    completed: count,
    failed: count,
    abandoned: count,
    open: count.describe('Not completed or failed, and within the window of the latest start'),
    elapsed: z
      .strictObject({ started: count, completed: count })
      .describe('Journeys whose first start + window has passed: what rates are stated on'),
    unstarted: count.describe('Never reached step 1; counted at the first event, outside every rate'),
    excluded: count.describe('Removed by an exclusion; outside every rate'),
    completionRate: rateOrNull.describe('elapsed.completed / elapsed.started'),
    soFar: rateOrNull.describe('completed / started of all: a lower bound'),
    atBest: rateOrNull.describe('(completed + open) / started of all: an upper bound'),
  })
  .meta({ id: 'Totals' })
export type Totals = z.infer<typeof totals>

export const left = z
  .strictObject({
    completed: count.describe('At the last step, or completed by an outcome here'),
    failed: count,
    abandoned: count,
    open: count,
    silent: count
      .nullable()
      .describe(
        'Provisional leavers: of the open, those quiet for longer than 95 % of those who went on from here ever waited; ' +
          'null while too few have gone on to say',
      ),
  })
  .meta({ id: 'Left', description: 'Journeys whose furthest step this is: entered - passed' })
export type Left = z.infer<typeof left>

export const funnelAnswerStep = z
  .strictObject({
    position: z.int().min(1),
    step: z.string().describe('The first of its names'),
    anyOf: z.array(z.string()).optional().describe('All of its names, where it has several'),
    name: z.string().describe('As shown; of order any, how many steps were done'),
    optional: z.boolean(),
    entered: count.describe(
      'Of order any, who did at least so many steps. passed + left.completed + left.failed + left.abandoned + left.open',
    ),
    passed: count.describe('Reached any later step'),
    elapsed: z.strictObject({ entered: count, passed: count }),
    left,
    rateFromStart: rateOrNull.describe('elapsed.entered / elapsed.started'),
    rateFromPrevious: rateOrNull.describe(
      'Of the nearest earlier step that is not optional; null at the first step, which has none',
    ),
    secondsFromPrevious: z
      .strictObject({ median: z.number().min(0).nullable(), p90: z.number().min(0).nullable() })
      .describe('From the step reached before, in the run that counts, over all journeys that entered'),
  })
  .meta({ id: 'FunnelAnswerStep' })
export type FunnelAnswerStep = z.infer<typeof funnelAnswerStep>

export const breakdownRow = z
  .strictObject({
    value: z.string().nullable().describe('null: journeys without a value, or `other`'),
    other: z.literal(true).optional().describe('The values past the cut-off, together'),
    totals,
    steps: z.array(funnelAnswerStep),
  })
  .meta({ id: 'BreakdownRow' })
export type BreakdownRow = z.infer<typeof breakdownRow>

export const comparisons = ['previous', 'year'] as const
export type Compared = (typeof comparisons)[number]

const comparedWith = {
  with: z.enum(comparisons).describe('previous: the period just before, as long. year: the same dates a year before'),
  from: range.from,
  to: range.to,
  period: periodState,
}

export const difference = z
  .strictObject({ value: z.number().min(-1).max(1), low: z.number().min(-1).max(1), high: z.number().min(-1).max(1) })
  .meta({ id: 'Difference', description: 'A difference of two proportions with its interval, 95 % (Newcombe 1998)' })
export type Difference = z.infer<typeof difference>

export const funnelAnswer = z
  .strictObject({
    ...asked,
    totals,
    steps: z.array(funnelAnswerStep),
    breakdown: z.array(breakdownRow).optional().describe('Most started first; present when asked for'),
    comparison: z
      .strictObject({
        ...comparedWith,
        totals,
        steps: z.array(funnelAnswerStep),
        completionRateDifference: difference.nullable().describe('completionRate less that of the compared period'),
      })
      .optional()
      .describe('Present when asked for'),
  })
  .meta({ id: 'FunnelAnswer' })
export type FunnelAnswer = z.infer<typeof funnelAnswer>

export const intervals = ['hour', 'day', 'week', 'month'] as const
export type Interval = (typeof intervals)[number]

export const trendPeriod = z
  .strictObject({
    start: instant.describe('The first is cut to `from`'),
    end: instant.describe('Exclusive; the last is cut to `to`'),
    started: count,
    completed: count,
    failed: count,
    abandoned: count,
    open: count,
    unstarted: count,
    excluded: count,
    elapsed: z.strictObject({ started: count, completed: count, reached: count.optional() }),
    reached: count.optional().describe('With `step` or `position`: of the started, how many reached it'),
    rate: rateOrNull.describe('The completion rate; with `step` or `position`, elapsed.reached / elapsed.started'),
    state: periodState,
  })
  .meta({ id: 'TrendPeriod' })
export type TrendPeriod = z.infer<typeof trendPeriod>

export const trendAnswer = z
  .strictObject({
    ...asked,
    interval: z.enum(intervals),
    step: z.string().optional(),
    position: z.int().min(1).optional().describe('What `reached` is counted of'),
    periods: z.array(trendPeriod),
    breakdown: z
      .array(
        z.strictObject({
          value: breakdownRow.shape.value,
          other: breakdownRow.shape.other,
          periods: z.array(trendPeriod),
        }),
      )
      .optional()
      .describe('The same for each value, most started first; present when asked for'),
    comparison: z
      .strictObject({ ...comparedWith, periods: z.array(trendPeriod) })
      .optional()
      .describe('Present when asked for'),
  })
  .meta({ id: 'TrendAnswer' })
export type TrendAnswer = z.infer<typeof trendAnswer>

const seconds = z.number().min(0).nullable()

export const timeToCompleteAnswer = z
  .strictObject({
    ...asked,
    count: count.describe('Journeys that completed; each took one time'),
    p50: seconds.describe('Seconds, within 1 %; null when none completed'),
    p75: seconds,
    p90: seconds,
    p95: seconds,
    histogram: z
      .array(
        z.strictObject({
          from: z.number().min(0).describe('Seconds, inclusive'),
          to: z.number().min(0).describe('Seconds, exclusive'),
          count: z.int().min(1),
        }),
      )
      .describe('Ascending; stretches without journeys are left out'),
    within: z
      .array(
        z.strictObject({
          seconds: z.number().min(0),
          completed: count,
          rate: rateOrNull.describe('Of all that started; a lower bound while the period is partial'),
        }),
      )
      .describe('Completion by elapsed time: completed within so long of the start of the run that counts, within 1 %'),
  })
  .meta({ id: 'TimeToCompleteAnswer' })
export type TimeToCompleteAnswer = z.infer<typeof timeToCompleteAnswer>

export const journeyStates = ['completed', 'failed', 'abandoned', 'open', 'excluded', 'unstarted'] as const
export type JourneyState = (typeof journeyStates)[number]

/** What `state=` of the drill-down takes: with `step`, each number of a step has its own; `passed` needs a step. */
export const drillDownStates = [...journeyStates, 'silent', 'passed'] as const
export type DrillDownState = (typeof drillDownStates)[number]

const furthest = z
  .string()
  .nullable()
  .describe('The furthest step, by the first of its names; null without one, and of order any')
const furthestPosition = z
  .int()
  .min(1)
  .nullable()
  .describe('Position of the furthest step; of order any, how many steps were done')

export const journeyRow = z
  .strictObject({
    journey: z.string().regex(/^[0-9a-f]{16}$/),
    start: instant.nullable().describe('null when it never started'),
    state: z.enum(journeyStates),
    furthest,
    position: furthestPosition,
  })
  .meta({ id: 'JourneyRow' })
export type JourneyRow = z.infer<typeof journeyRow>

export const journeysAnswer = z
  .strictObject({
    ...asked,
    journeys: z.array(journeyRow).describe('By start (first event, where it never started), then by hash'),
    cursor: z.string().nullable().describe('Give it back as `cursor` for what follows; null at the end'),
  })
  .meta({ id: 'JourneysAnswer' })
export type JourneysAnswer = z.infer<typeof journeysAnswer>

export const trailEvent = z
  .strictObject({
    type: z.enum(['error', 'feedback', 'leave', 'outcome', 'resume', 'save', 'step']),
    step: z.string().optional(),
    at: z.int().describe('Milliseconds since 1970, after clock correction'),
    seq: z.int().min(0),
    outcome: z.enum(['already-done', 'completed', 'failed', 'ineligible']).optional(),
    field: z.string().optional(),
    code: z.string().optional(),
    engagedMs: z.int().min(0).optional(),
    rating: z.int().min(1).max(5).optional(),
    channel: z.string(),
    attrs: z.record(z.string(), z.string()).describe('Dimensions, the built-in ones too'),
  })
  .meta({ id: 'TrailEvent' })
export type TrailEvent = z.infer<typeof trailEvent>

export const trailAnswer = z
  .strictObject({
    service: z.string(),
    journey: z.string().regex(/^[0-9a-f]{16}$/),
    ...provenance,
    version: z.int().min(1),
    start: instant.nullable(),
    state: z.enum(journeyStates),
    furthest,
    position: furthestPosition,
    eventsDropped: count.describe('Events past the limit of a trail: acknowledged, not kept'),
    events: z.array(trailEvent).describe('By at, then seq'),
  })
  .meta({ id: 'TrailAnswer' })
export type TrailAnswer = z.infer<typeof trailAnswer>

export const liveWarning = z
  .strictObject({
    code: z.enum(['nothing-seen', 'one-step-journeys', 'steps-outside-funnel']),
    detail: z.string(),
  })
  .meta({ id: 'LiveWarning' })
export type LiveWarning = z.infer<typeof liveWarning>

export const liveEvent = z
  .strictObject({ journey: z.string().regex(/^[0-9a-f]{16}$/), ...trailEvent.shape })
  .meta({ id: 'LiveEvent' })

export const liveAnswer = z
  .strictObject({
    ...asked,
    version: z.int().min(1),
    journeys: count.describe('In which something was seen in the last hour, as far as one answer looks'),
    warnings: z.array(liveWarning).describe('What looks wrong in the set-up of the pages'),
    events: z.array(liveEvent).describe('By at, then seq, the newest first'),
  })
  .meta({ id: 'LiveAnswer' })
export type LiveAnswer = z.infer<typeof liveAnswer>

export const rankedService = z
  .strictObject({
    rank: z.int().min(1).nullable().describe('1 has the lowest shrunk rate; null while nothing can be said'),
    id: z.string(),
    name: z.string(),
    department: z.string().nullable(),
    sample: z.boolean().describe('Made-up data'),
    started: count,
    completed: count,
    elapsed: z.strictObject({ started: count, completed: count }),
    rate: rateOrNull.describe('elapsed.completed / elapsed.started'),
    shrunkRate: share
      .nullable()
      .describe('Posterior mean of the true rate, beside the services compared (docs/statistics.md)'),
    probabilityWorst: share
      .nullable()
      .describe(
        'That its true rate is in the worst tenth of the services compared; of fewer than ten, that it is the worst; null of one alone',
      ),
    flagged: z.boolean().describe('probabilityWorst >= 0.95; never among fewer than 10 services'),
    worstStep: z
      .strictObject({
        step: z.string().nullable().describe('null of order any, whose positions are how many steps were done'),
        name: z.string(),
        position: z.int().min(1),
        lost: count,
      })
      .nullable()
      .describe('Where the drop-off is greatest: most journeys failed or were abandoned, the earliest of equals'),
  })
  .meta({ id: 'RankedService' })
export type RankedService = z.infer<typeof rankedService>

export const funnelPlot = z
  .strictObject({
    mean: share.nullable().describe('Completed / started over all services compared'),
    phi: z.number().min(0).nullable().describe('Over-dispersion: mean of squared winsorised z'),
    tau: z.number().min(0).nullable().describe('Standard deviation between services, on the scale of the limits'),
    points: z.array(
      z.strictObject({ id: z.string(), started: count, rate: share, z: z.number().describe('In standard errors') }),
    ),
    limits: z
      .array(z.strictObject({ started: count, low95: share, high95: share, low998: share, high998: share }))
      .describe('Over-dispersed limits (Spiegelhalter 2005) by how many started'),
  })
  .meta({ id: 'FunnelPlot' })
export type FunnelPlot = z.infer<typeof funnelPlot>

export const lowCompletionAnswer = z
  .strictObject({
    ...range,
    ...provenance,
    services: z.array(rankedService),
    funnelPlot,
  })
  .meta({ id: 'LowCompletionAnswer' })
export type LowCompletionAnswer = z.infer<typeof lowCompletionAnswer>

export const pathsAnswer = z.strictObject({ ...asked, ...pathsFields }).meta({ id: 'PathsAnswer' })
export type PathsAnswer = z.infer<typeof pathsAnswer>

const recoverableFigure = z
  .strictObject({ value: z.number().min(0), low: z.number().min(0), high: z.number().min(0) })
  .meta({ id: 'RecoverableFigure', description: 'Journeys or money, with an interval of 95 % or wider' })

export const opportunity = z
  .strictObject({
    rank: z.int().min(1),
    service: z.string(),
    name: z.string(),
    department: z.string().nullable(),
    sample: z.boolean().describe('Made-up data'),
    position: z.int().min(1),
    step: z.string().nullable().describe('null of order any, whose positions are how many steps were done'),
    stepName: z.string(),
    entered: count.describe('Elapsed journeys that reached the step; at least 100'),
    lost: count.describe('Of these, who failed or were abandoned there'),
    keptRate: rateOrNull.describe('(entered - lost) / entered'),
    finishingRate: rateOrNull.describe('Of those not lost there, who completed'),
    benchmark: z.enum(['peers', 'best-quarter']).describe('By which more could be recovered'),
    peers: z
      .strictObject({ services: count, rate: share, recoverable: recoverableFigure })
      .nullable()
      .describe('What the step keeps in a typical service that has it; null where fewer than 5 services have it'),
    bestQuarter: z
      .strictObject({ from: instant, to: instant, rate: share, recoverable: recoverableFigure })
      .nullable()
      .describe(
        'What it kept in the best of the four stretches of 13 weeks that end with the period, each drawn towards the others; null where fewer than two had 100 journeys at the step',
      ),
    recoverable: recoverableFigure.describe(
      'Journeys of the period that would have finished: entered x (benchmark - own rate, drawn towards it) x finishingRate, all other steps as they are. Not to be added up over steps of one service',
    ),
    cost: z
      .strictObject({ ...recoverableFigure.shape, currency: z.string().nullable() })
      .nullable()
      .describe('recoverable x costs.otherChannel of the service'),
    costReason: z.string().nullable().describe('Why there is no cost'),
  })
  .meta({ id: 'Opportunity' })
export type Opportunity = z.infer<typeof opportunity>

export const opportunitiesAnswer = z
  .strictObject({
    ...range,
    ...provenance,
    opportunities: z.array(opportunity),
    other: count.describe('Steps past `limit`'),
  })
  .meta({ id: 'OpportunitiesAnswer' })
export type OpportunitiesAnswer = z.infer<typeof opportunitiesAnswer>
/** A code of a closed list, and the list's words for it. */
const reasonOf = <Code extends string>(list: Readonly<Record<Code, string>>) =>
  z.strictObject({ code: z.enum(Object.keys(list) as Code[]), words: z.string() })

const discoveryReason = reasonOf(discoveryReasons).meta({ id: 'DiscoveryReason' })
const sureness = share.describe('Probability, by the traffic alone')

export const discoveredStep = z
  .strictObject({
    step: z.string(),
    journeys: count.describe('Of those looked at, how many had it'),
    share: share.describe('journeys / journeys.lookedAt'),
    medianPosition: z
      .int()
      .min(1)
      .nullable()
      .describe('Median place, from 1, among the different steps of the journeys that had it; null when none had'),
    position: z.int().min(1).nullable().describe('In the suggested funnel; null when it is no part of it'),
    optional: z.boolean().nullable(),
    confidence: sureness
      .nullable()
      .describe('That it stands right among its neighbours, and is rightly optional or not'),
    reasons: z.array(discoveryReason).describe('What makes it less sure'),
    outside: reasonOf(outsideReasons).nullable().describe('Why it is no part of the funnel'),
  })
  .meta({ id: 'DiscoveredStep' })
export type DiscoveredStep = z.infer<typeof discoveredStep>

export const discoveredBranch = z
  .strictObject({
    position: z.int().min(1),
    anyOf: z
      .array(z.strictObject({ step: z.string(), journeys: count, share }))
      .describe('Of those who pass, each takes one'),
    optional: z.boolean(),
    taken: rateOrNull.describe('Of those who had a step before it and one after it, who took one of them'),
    confidence: sureness,
  })
  .meta({ id: 'DiscoveredBranch' })

export const discoverAnswer = z
  .strictObject({
    ...asked,
    journeys: z
      .strictObject({
        seen: count,
        lookedAt: count.describe('Those with the smallest hashes, where there are very many'),
      })
      .describe('First seen in the period, whether or not they start by the present funnel'),
    funnel: funnelInput.nullable().describe('In the shape of the body of PUT; null when nothing can be suggested'),
    noFunnel: reasonOf(noSuggestionReasons).nullable(),
    confidence: z.strictObject({
      order: sureness.describe('That no two neighbours stand the wrong way round'),
      overall: sureness.describe('That besides every step is rightly optional or not, and the end is the end'),
      reasons: z.array(discoveryReason),
    }),
    window: z
      .strictObject({
        completions: count.describe('Of the suggested funnel, among those looked at, however long they took'),
        coveringSeconds: z.number().min(0).nullable().describe('What 99 % of them took at most; null of fewer than 20'),
        suggested: z.string().describe('ISO 8601 duration: the next longer that people name'),
      })
      .nullable(),
    steps: z.array(discoveredStep).describe('By position, then the others by journeys'),
    branches: z.array(discoveredBranch).describe('Positions where one of several steps is taken'),
  })
  .meta({ id: 'DiscoverAnswer' })
export type DiscoverAnswer = z.infer<typeof discoverAnswer>

export const estimate = z
  .strictObject({ value: z.number(), low: z.number(), high: z.number() })
  .meta({ id: 'Estimate', description: 'An estimate with its interval, 95 %' })

const slugOrNull = z.string().nullable()
const metCounts = {
  journeys: count.describe('That met it; each once, however often'),
  events: count,
  later: z
    .strictObject({ completed: count, failed: count, abandoned: count, open: count })
    .describe('How the journeys that met it ended; they add up to `journeys`'),
  elapsed: z
    .strictObject({ journeys: count, completed: count })
    .describe('Of them, those whose first start + window has passed: what rates and odds are stated on'),
  completionRate: rateOrNull.describe('elapsed.completed / elapsed.journeys'),
}
const oddsOfNotCompleting = estimate.nullable()

export const errorRow = z
  .strictObject({
    step: z
      .string()
      .nullable()
      .describe('As the events say it; else the first name of the position, null where there is none'),
    position: z
      .int()
      .min(1)
      .nullable()
      .describe('Where it was met; null: before the start, or at a step of the funnel that the journey never reached'),
    field: slugOrNull,
    code: slugOrNull,
    ...metCounts,
    reached: count.nullable().describe('Journeys that reached the position: `entered` of the funnel'),
    completionRateWithout: rateOrNull.describe('Of the others that reached the position'),
    oddsRatio: oddsOfNotCompleting.describe(
      'Odds of not completing, of those that met it against the others that reached the position; null where one of the four counts is 0',
    ),
  })
  .meta({ id: 'ErrorRow' })
export type ErrorRow = z.infer<typeof errorRow>

export const errorCode = z
  .strictObject({
    field: slugOrNull,
    code: slugOrNull,
    ...metCounts,
    steps: z
      .array(z.strictObject({ position: z.int().min(1), step: z.string().nullable() }))
      .describe('Where it was met'),
    oddsRatio: oddsOfNotCompleting.describe(
      'Odds of not completing over the positions where it was met (Mantel and Haenszel; interval of Robins, Breslow and Greenland)',
    ),
  })
  .meta({ id: 'ErrorCode' })
export type ErrorCode = z.infer<typeof errorCode>

const otherErrors = z
  .strictObject({ rows: z.int().min(1), journeys: count, events: count })
  .nullable()
  .describe('What is past `limit`, together; null when nothing is')

export const errorsAnswer = z
  .strictObject({
    ...asked,
    started: count.describe('Journeys of the period'),
    journeys: count.describe('Of them, those that met any error'),
    events: count.describe('Errors that they met'),
    errors: z.array(errorRow).describe('By step, field and code; what most journeys met first'),
    other: otherErrors,
    codes: z.array(errorCode).describe('By field and code, over the steps; what most journeys met first'),
    otherCodes: otherErrors,
  })
  .meta({ id: 'ErrorsAnswer' })
export type ErrorsAnswer = z.infer<typeof errorsAnswer>

const side = z.strictObject({
  from: instant.describe('Inclusive'),
  to: instant.describe('Exclusive'),
  started: count.describe('Journeys that started then'),
  completed: count.describe('Of them, those that completed within `horizonSeconds` of their start'),
  rate: rateOrNull.describe('completed / started, as it was'),
  standardisedRate: share.nullable().describe('Over the hours of the week that both sides have, with the same weights'),
})

export const notCompared = ['too-fresh', 'too-few-days', 'no-common-hours', 'all-alike', 'funnel-is-new'] as const

export const comparison = z
  .strictObject({
    horizonSeconds: z
      .int()
      .min(1)
      .describe('Every journey compared has had this long to complete, and completions after it do not count'),
    wholeWindow: z.boolean().describe('The horizon is the window of the funnel'),
    before: side,
    after: side,
    difference: estimate.nullable().describe('after.standardisedRate - before.standardisedRate (Mantel and Haenszel)'),
    oddsRatio: estimate.nullable().describe('Odds of completing, after against before (Mantel and Haenszel)'),
    pValue: share.nullable().describe('Two-sided: Cochran, Mantel and Haenszel with over-dispersion of days'),
    significant: z.boolean().nullable().describe('pValue < 0.05'),
    dispersion: z
      .number()
      .min(1)
      .nullable()
      .describe('Variance over that of journeys that do not depend on one another'),
    degreesOfFreedom: z.number().min(0).nullable(),
    hours: count.describe('Hours of the week that both sides have'),
    reason: z.enum(notCompared).nullable().describe('Why nothing can be said; null when something can'),
    alsoMarked: z
      .array(z.string())
      .describe('Other annotations between before.from and after.to, which may be the cause'),
    final: z.boolean().describe('Time alone changes it no more'),
  })
  .meta({ id: 'Comparison' })
export type Comparison = z.infer<typeof comparison>

export const annotationRow = z
  .strictObject({
    id: z.string(),
    at: instant,
    kind: z.enum(annotationKinds),
    label: z.string(),
    createdAt: instant,
    comparison,
  })
  .meta({ id: 'AnnotationRow' })
export type AnnotationRow = z.infer<typeof annotationRow>

export const annotationsAnswer = z
  .strictObject({
    ...asked,
    annotations: z.array(annotationRow).describe('Those of the period, the latest first'),
    other: count.describe('Of the period, past `limit`'),
  })
  .meta({ id: 'AnnotationsAnswer' })
export type AnnotationsAnswer = z.infer<typeof annotationsAnswer>

export const annotationAnswer = z.strictObject({ ...asked, annotation: annotationRow }).meta({ id: 'AnnotationAnswer' })
export type AnnotationAnswer = z.infer<typeof annotationAnswer>
