import type { FunnelInput } from '../../domain/service.ts'
import type { Random } from '../../domain/random.ts'
import type { SampleService } from './services.ts'

/** An event of a made-up journey, before it has an identity. */
export interface SampleEvent {
  readonly type: 'step' | 'error' | 'outcome' | 'leave' | 'save' | 'resume'
  readonly step: string
  readonly at: number
  readonly outcome?: 'ineligible' | 'failed'
  readonly field?: string
  readonly code?: string
  readonly engagedMs?: number
}

export interface SampleJourney {
  readonly device: string
  readonly browser: string
  readonly events: readonly SampleEvent[]
}

const dayMs = 24 * 60 * 60 * 1000

/**
 * The journeys of one service over the days before now and today so far, oldest first. The same random numbers
 * and time give the same journeys.
 */
export function* sampleJourneys(
  service: SampleService,
  random: Random,
  days: number,
  now: number,
): Generator<SampleJourney> {
  const today = Math.floor(now / dayMs) * dayMs
  for (let day = days; day >= 0; day--) {
    const midnight = today - day * dayMs
    const weekday = new Date(midnight).getUTCDay()
    const weekend = weekday === 0 || weekday === 6
    const journeys = Math.round(service.journeysADay * (weekend ? 0.4 : 1) * (0.85 + 0.3 * random.next()))
    for (let journey = 0; journey < journeys; journey++) {
      const made = journeyOf(service, random, midnight + timeOfDay(random))
      // What has not happened yet is not there: the journey is open.
      const events = made.events.filter(({ at }) => at <= now)
      if (events.length > 0) yield { ...made, events }
    }
  }
}

/** Between 7 and 22 o'clock, most around the middle. */
function timeOfDay(random: Random): number {
  const hours = 7 + 15 * ((random.next() + random.next()) / 2)
  return Math.floor(hours * 60 * 60 * 1000)
}

function journeyOf(service: SampleService, random: Random, start: number): SampleJourney {
  const device = random.pick(['mobile', 'mobile', 'mobile', 'desktop', 'desktop', 'tablet'])
  const browser = random.pick(['chrome', 'chrome', 'safari', 'safari', 'edge', 'firefox', 'samsung-internet'])
  const events: SampleEvent[] = []
  let at = start
  const wait = (fromSeconds: number, toSeconds: number) => {
    at += random.whole(fromSeconds * 1000, toSeconds * 1000)
  }
  const names = service.funnel.steps.map((step) => stepOf(step, random))
  for (const [index, { name, optional }] of names.entries()) {
    if (optional && random.chance(0.5)) continue
    events.push({ type: 'step', step: name, at })
    wait(5, 90)
    if (service.stumble?.step === name && random.chance(service.stumble.share)) {
      events.push({ type: 'error', step: name, at, field: service.stumble.field, code: service.stumble.code })
      wait(10, 60)
    }
    if (index === 1 && random.chance(service.ineligible ?? 0)) {
      events.push({ type: 'outcome', step: name, at, outcome: 'ineligible' })
      break
    }
    // On a phone every step is a little harder.
    if (!random.chance((service.goOn[index] ?? 1) - (device === 'mobile' ? 0.03 : 0))) {
      events.push({ type: 'leave', step: name, at, engagedMs: random.whole(2_000, 120_000) })
      break
    }
    if (index > 0 && random.chance(0.05)) {
      // Back to correct an answer, and on again.
      events.push({ type: 'step', step: names[index - 1]?.name ?? name, at })
      wait(5, 60)
      events.push({ type: 'step', step: name, at })
      wait(5, 60)
    }
    if (index === 2 && random.chance(service.returns ?? 0)) {
      events.push({ type: 'save', step: name, at })
      wait(60 * 60, 2 * 24 * 60 * 60)
      events.push({ type: 'resume', step: name, at })
      wait(5, 60)
    }
  }
  return { device, browser, events }
}

function stepOf(step: FunnelInput['steps'][number], random: Random): { name: string; optional: boolean } {
  if (typeof step === 'string') return { name: step, optional: false }
  const name = 'step' in step ? step.step : (step.anyOf[random.whole(0, step.anyOf.length - 1)] ?? '')
  return { name, optional: step.optional ?? false }
}
