import fc from 'fast-check'
import { channels, eventTypes, outcomes, type StoredEvent } from '../../domain/stored-event.ts'

export function storedEvent(some: Partial<StoredEvent> = {}): StoredEvent {
  return {
    service: 'renew',
    journey: '0000000000000001',
    identity: 1,
    type: 'step',
    step: 'start',
    at: 1_795_000_000_000,
    seq: 0,
    outcome: '',
    field: '',
    code: '',
    rating: 0,
    engagedMs: 0,
    channel: 'online',
    dimensions: [],
    ...some,
  }
}

const dimension = (name: string, ...values: string[]) =>
  fc.constantFrom(undefined, ...values).map((value) => (value === undefined ? [] : [[name, value] as const]))

/** Events of few journeys, names, times and identities, so that copies and ties are frequent. */
export const anyStoredEvent: fc.Arbitrary<StoredEvent> = fc
  .record({
    service: fc.constantFrom('renew', 'apply', 'gone'),
    journey: fc.constantFrom('0000000000000001', '00000000000000ff', 'ffffffffffffffff'),
    identity: fc.integer({ min: 0, max: 12 }).map((n) => (n === 12 ? 2 ** 48 - 1 : n)),
    type: fc.oneof({ weight: 3, arbitrary: fc.constant('step' as const) }, fc.constantFrom(...eventTypes)),
    step: fc.constantFrom('start', 'name, and "more"', "it's\\here", 'done', 'ünï'),
    at: fc.integer({ min: 0, max: 6 }).map((n) => 1_795_000_000_000 + n * 500_000),
    seq: fc.constantFrom(0, 1, 2 ** 32 - 1),
    outcome: fc.constantFrom(...outcomes),
    field: fc.constantFrom('email', 'name'),
    code: fc.constantFrom('missing', 'bad'),
    rating: fc.integer({ min: 1, max: 5 }),
    engagedMs: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    channel: fc.constantFrom(...channels),
    dimensions: fc
      .tuple(
        dimension('browser', 'chrome', 'firefox'),
        dimension('device', 'mobile', 'tablet'),
        dimension('kind', "a'b"),
      )
      .map((parts) => parts.flat()),
  })
  .map((event) => ({
    ...event,
    step: event.type === 'outcome' || event.type === 'feedback' ? '' : event.step,
    outcome: event.type === 'outcome' ? event.outcome : '',
    field: event.type === 'error' ? event.field : '',
    code: event.type === 'error' ? event.code : '',
    rating: event.type === 'feedback' ? event.rating : 0,
    engagedMs: event.type === 'leave' ? event.engagedMs : 0,
  }))
