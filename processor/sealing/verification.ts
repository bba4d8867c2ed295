import { StoreUnavailable } from '../../domain/errors.ts'
import type { Store } from '../../domain/ports/store.ts'
import { param, sql } from '../../domain/sql.ts'
import { differencesListedMax, type Difference, type Verification } from '../../domain/verification.ts'
import { createExclusive } from '../exclusive.ts'
import { dayMs } from '../facts.ts'
import type { FactsWriter } from '../facts-writer.ts'
import type { Patience } from '../retry.ts'
import type { ProcessorSignals } from '../signals.ts'
import type { Calendar } from './calendar.ts'
import type { Sealer } from './sealer.ts'
import {
  badFactsOf,
  expiredUntil,
  hexOf,
  readFacts,
  verifyStretch,
  type BadFacts,
  type Findings,
  type VerifyParts,
} from './verify.ts'
import { daysHeld, type Span } from './verifying.ts'

/** A service, and of which time; without: of all. */
export interface VerifyAsked {
  readonly service: string
  readonly period: Span | null
}

export interface SamplingPace {
  /** From 0 to below 1, each as likely: which service, which journeys and which day. */
  readonly chance: () => number
  /** Between two samples at least. */
  readonly intervalMs: number
  /** Journeys that are computed anew for one sample, about. */
  readonly journeys: number
}

/** Looks whether answers are what the trails say, and sees to it that they are again. */
export interface VerificationWork {
  /**
   * Compares all that answers about a service are read from with its trails. It changes nothing. One at a time.
   * @throws {StoreUnavailable} also when the signal ends it
   */
  verify(asked: VerifyAsked, signal: AbortSignal): Promise<Verification>
  /** Compares a few journeys and a day of some service, and heals what differs. Does nothing before it is due. */
  sample(patience: Patience): Promise<void>
}

export interface VerificationParts extends VerifyParts {
  readonly reads: Store
  readonly facts: FactsWriter
  readonly sealer: Pick<Sealer, 'renew'>
  readonly signals: ProcessorSignals
}

/** A stretch is read again when its service is sealed meanwhile: few days, so that this is seldom. */
const stretchDays = 4
/** After a sample its time is waited so many times: it takes less than 1 % of a core. */
const restTimes = 120
const everyTime: Span = { from: -8.64e15, to: 8.64e15 }

/** @param pace without it there are no samples */
export function createVerification(parts: VerificationParts, pace: SamplingPace | undefined): VerificationWork {
  const alone = createExclusive()
  let notBefore = 0
  return {
    verify: (asked, signal) => alone(() => verifyService(parts, asked, signal)),

    async sample(patience) {
      const { clock, reads } = parts
      if (pace === undefined || clock.now() < notBefore) return
      const services = await reads.select<{ service: string }>(sql`SELECT DISTINCT service FROM facts ORDER BY service`)
      const service = services[Math.floor(pace.chance() * services.length)]?.service
      const busyMs = service === undefined ? 0 : await sampleService(parts, pace, service, patience)
      notBefore = clock.now() + Math.max(pace.intervalMs, busyMs * restTimes)
    },
  }
}

/** @returns how long it worked, ms */
async function sampleService(
  parts: VerificationParts,
  { chance, journeys }: SamplingPace,
  service: string,
  patience: Patience,
): Promise<number> {
  const { signals, seals, calendar } = parts
  const some = await sampleFacts(parts, { service, chance, journeys })
  const seal = seals.get(service)
  let days: Findings | null = null
  if (seal !== undefined && seal.bucketFrom < seal.bucketTo) {
    const at = seal.bucketFrom + Math.floor(chance() * (seal.bucketTo - seal.bucketFrom))
    const day = calendar.days(seal.timeZone, at, at).slice(0, 2)
    days = await verifyStretch(parts, { service, days: day, against: 'facts' }, patience.signal)
  }
  if (some === null) return days?.busyMs ?? 0
  signals.verified(some.journeys)
  const differences = [...some.differences, ...(days?.differences ?? [])]
  if (differences.length > 0) await heal(parts, { service, differences, badFacts: some.badFacts }, patience)
  return some.busyMs + (days?.busyMs ?? 0)
}

interface Sampled {
  readonly journeys: number
  readonly differences: readonly Difference[]
  readonly badFacts: readonly BadFacts[]
  readonly busyMs: number
}

/** Some journeys of a service; null when it is gone: it keeps the facts that it has. */
async function sampleFacts(
  parts: VerificationParts,
  { service, chance, journeys }: { service: string; chance: () => number; journeys: number },
): Promise<Sampled | null> {
  const { ownFunnels, exclusive, clock, reads } = parts
  const [count] = await reads.select<{ journeys: string }>(
    sql`SELECT count() AS journeys FROM facts WHERE service = ${param('String', service)}`,
  )
  const hashes = 2n ** 64n
  const from = BigInt(Math.floor(chance() * 2 ** 53)) << 11n
  const width = (hashes * BigInt(journeys)) / BigInt(Math.max(journeys, Number(count?.journeys ?? 0)))
  const to = (from + width > hashes ? hashes : from + width) - 1n
  return exclusive(async () => {
    const begun = clock.now()
    const own = await ownFunnels(service)
    if (own.version === 0) return null
    const read = await readFacts(parts, { hashes: { service, from, to }, span: everyTime, own })
    return {
      journeys: read.journeys,
      differences: read.facts.map(({ journey, columns }) => ({
        table: 'facts' as const,
        journey: hexOf(journey),
        columns,
      })),
      badFacts: badFactsOf(read.facts),
      busyMs: clock.now() - begun,
    }
  })
}

/**
 * Facts are written again from their trails, and the tallies are made anew from facts. But where journeys have expired, their
 * counts are in the tallies only, and nothing could make them anew: then a person has to look.
 */
async function heal(
  parts: VerificationParts,
  found: {
    readonly service: string
    readonly differences: readonly Difference[]
    readonly badFacts: readonly BadFacts[]
  },
  patience: Patience,
): Promise<void> {
  const { service, differences } = found
  const isSealed = parts.seals.get(service) !== undefined
  const healed = !isSealed || (await expiredUntil(parts, service)) === 0
  parts.signals.differs(service, differences, healed)
  if (!healed) return
  const bad = found.badFacts.filter(({ columns }) => !columns.includes('trail'))
  const journeys = bad.map(({ journey }) => journey)
  const arrivedDays = new Map(
    bad.flatMap(({ journey, arrivedDay }) => (arrivedDay === 0 ? [] : [[journey, arrivedDay] as const])),
  )
  if (journeys.length > 0)
    await parts.exclusive(() => parts.facts.write([{ service, journeys, arrivedDays }], patience))
  parts.sealer.renew(service)
}

async function verifyService(
  parts: VerificationParts,
  { service, period }: VerifyAsked,
  signal: AbortSignal,
): Promise<Verification> {
  const own = await parts.ownFunnels(service)
  const days = await zoneDaysHeld(parts, service, period)
  const stretches = stretchesOf(days)
  const sum = { hours: 0, journeys: 0, notJudged: 0, daysUnsettled: 0, differences: 0 }
  const listed: Difference[] = []
  for (const stretch of stretches) {
    const found = await verifyStretch(parts, { service, days: stretch, against: 'trails' }, signal)
    if (signal.aborted) throw new StoreUnavailable('the processor has stopped', { retryAfterSeconds: 5 })
    if (found === null) {
      sum.daysUnsettled += stretch.length - 1
      continue
    }
    parts.signals.verified(found.journeys)
    sum.hours += found.hours
    sum.journeys += found.journeys
    sum.notJudged += found.notJudged
    sum.differences += found.differences.length
    listed.push(...found.differences.slice(0, differencesListedMax - listed.length))
  }
  return {
    service,
    version: own.version,
    from: days[0]?.from ?? null,
    to: days.at(-1)?.to ?? null,
    sealed: parts.seals.get(service) !== undefined,
    ...sum,
    listed,
  }
}

/** Days of the service's zone, ascending, of which there is anything. */
async function zoneDaysHeld(
  { reads, seals, ownFunnels, calendar }: VerificationParts,
  service: string,
  period: Span | null,
): Promise<readonly Span[]> {
  const seal = seals.get(service)
  const { timeZone } = await ownFunnels(service)
  const layers = seal?.layers.map(({ layer }) => layer) ?? []
  const rows = await reads.select<{ day: string }>(daysHeld(service, layers))
  const days = new Map<number, Span>()
  for (const row of rows)
    for (const day of daysAround(calendar, seal?.timeZone ?? timeZone, Number(row.day) * dayMs))
      if (period === null || (day.from < period.to && day.to > period.from)) days.set(day.from, day)
  return [...days.values()].sort((a, b) => a.from - b.from)
}

/** Those of a zone that share a moment with a day of UTC. */
function daysAround(calendar: Calendar, zone: string, day: number): readonly Span[] {
  const starts = calendar.days(zone, day, day + dayMs - 1)
  return starts.flatMap((from, index) => {
    const to = starts[index + 1]
    return to === undefined || to <= day || from >= day + dayMs ? [] : [{ from, to }]
  })
}

/** Days that follow one another, a few at a time: their starts, and the end of the last. */
function stretchesOf(days: readonly Span[]): readonly (readonly number[])[] {
  const stretches: number[][] = []
  for (const { from, to } of days) {
    const last = stretches.at(-1)
    if (last !== undefined && last.at(-1) === from && last.length <= stretchDays) last.push(to)
    else stretches.push([from, to])
  }
  return stretches
}
