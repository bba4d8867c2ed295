import type { Clock } from '../../domain/ports/clock.ts'
import type { EventLog } from '../../domain/ports/event-log.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import { seededRandom } from '../../domain/random.ts'
import { serviceInput, type FunnelInput } from '../../domain/service.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { sampleJourneys, type SampleJourney } from './journeys.ts'
import { sampleServices, sampleTimeZone, type SampleService } from './services.ts'

const days = 35
/** Journeys that share an append. */
const journeysPerAppend = 200

export interface SampleParts {
  readonly registry: Pick<Registry, 'putService'>
  readonly log: Pick<EventLog, 'append'>
  readonly clock: Clock
  readonly journeyHash: (service: string, reference: string) => string
  /** Looked at between services. */
  readonly stop: AbortSignal
}

/** Puts the made-up services in, with five weeks of made-up journeys. Durable when it resolves. @returns events */
export async function loadSample({ registry, log, clock, journeyHash, stop }: SampleParts): Promise<number> {
  let events = 0
  for (const [index, sample] of sampleServices.entries()) {
    if (stop.aborted) break
    await registry.putService(sample.id, definition(sample), { sample: true })
    let batch: StoredEvent[] = []
    let journeys = 0
    for (const journey of sampleJourneys(sample, seededRandom(index + 1), days, clock.now())) {
      journeys += 1
      batch.push(...stored(sample, journey, journeyHash(sample.id, `sample-${journeys}`)))
      if (journeys % journeysPerAppend > 0) continue
      events += batch.length
      await log.append(batch)
      batch = []
    }
    events += batch.length
    if (batch.length > 0) await log.append(batch)
  }
  return events
}

function definition({ name, department, owner, funnel, target }: SampleService) {
  return serviceInput.parse({
    name,
    department,
    owner,
    timeZone: sampleTimeZone,
    funnel: { ...funnel, steps: funnel.steps.map(labelled) },
    targets: { completionRate: target },
  })
}

/** `upload-proof` is shown as "Upload proof". */
function labelled(step: FunnelInput['steps'][number]): FunnelInput['steps'][number] {
  if (typeof step !== 'string' && 'anyOf' in step) return step
  const fields = typeof step === 'string' ? { step } : step
  const words = fields.step.replaceAll('-', ' ')
  return { name: `${words.charAt(0).toUpperCase()}${words.slice(1)}`, ...fields }
}

function stored(sample: SampleService, { device, browser, events }: SampleJourney, journey: string): StoredEvent[] {
  return events.map((event, index): StoredEvent => ({
    service: sample.id,
    journey,
    // Odd, as the identity of a given id is.
    identity: index * 2 + 1,
    type: event.type,
    step: event.step,
    at: event.at,
    seq: index,
    outcome: event.outcome ?? '',
    field: event.field ?? '',
    code: event.code ?? '',
    rating: 0,
    engagedMs: event.engagedMs ?? 0,
    channel: 'online',
    dimensions: [
      ['browser', browser],
      ['device', device],
    ],
  }))
}
