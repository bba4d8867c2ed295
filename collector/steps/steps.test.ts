import { describe, expect, it } from 'vitest'
import { dropReasons, problems } from '../../domain/problems.ts'
import { eventTypes } from '../../domain/stored-event.ts'
import { bodyOf, openCollector, post, receivedAt, step, type Bench } from '../../tests/support/collector.ts'
import { envelopeSteps, eventSteps } from './index.ts'

/** A table a step: what it lets by, what it ends, at the limit and one past it. Through the app, as senders meet it. */

const day = 86_400_000

async function one(bench: Bench, event: object, more: object = {}, headers: Record<string, string> = {}) {
  const answer = await post(bench, bodyOf([event], more), headers)
  return { answer, stored: bench.stored()[0] }
}

async function refuses(event: object, code: string, path: string, more: object = {}): Promise<void> {
  const bench = await openCollector()
  const { answer, stored } = await one(bench, event, more)
  expect([answer.status, answer.code, answer.path]).toEqual([400, code, path])
  expect(stored).toBeUndefined()
  // Nothing is in use for a request that was refused.
  expect(bench.knownNames.of('fishing').seesStep(String('step' in event ? event.step : ''))).toBe(false)
}

async function keyed(bench: Bench): Promise<Record<string, string>> {
  return { Authorization: `Bearer ${await bench.key(['ingest'])}` }
}

it('reads like the specification', () => {
  expect([...envelopeSteps, ...eventSteps].map(({ name }) => name)).toEqual([
    'withService',
    'withinKey',
    'knownService',
    'admittedOrigin',
    'withPublicKey',
    'withJourney',
    'withChannel',
    'withClock',
    'withVisitor',
    'withType',
    'withStep',
    'withTime',
    'withIdentity',
    'withOwnChannel',
    'withAttributes',
    'withoutPersonalData',
    'notErased',
    'withinNames',
    'withDimensions',
    'notAutomated',
  ])
})

it('has words for every reason', () => {
  for (const code of ['invalid-event', 'personal-data', 'invalid-step', 'unknown-service', 'origin-not-allowed'])
    expect(problems).toHaveProperty(code)
  expect(Object.keys(dropReasons)).toEqual(['bot', 'erased', 'unknown-attribute', 'many-values'])
})

describe('withJourney', () => {
  it.each([
    ['absent', undefined],
    ['null', null],
    ['empty', ''],
    ['of 129 characters', 'j'.repeat(129)],
    ['a number', 7],
    ['with a line break', 'a\nb'],
    ['with a NUL', 'a\0b'],
    ['with half a surrogate pair', 'a\ud800b'],
    ['with a line separator', 'a\u2028b'],
  ])('refuses a reference that is %s', async (_, journey) => {
    await refuses(step(), 'invalid-event', 'journey', { journey })
  })

  it.each([['j'], ['j'.repeat(128)], ['jo.bloggs@example.com'], ['Überprüfung 7/运'], ['🎣']])(
    'takes %j, and keeps nothing of it but a hash',
    async (journey) => {
      const { answer, stored } = await one(await openCollector(), step(), { journey })
      expect(answer.status).toBe(204)
      expect(stored?.journey).toMatch(/^[0-9a-f]{16}$/)
      if (journey.length > 16) expect(JSON.stringify(stored)).not.toContain(journey)
    },
  )

  it('tells the same reference of two services apart', async () => {
    const bench = await openCollector()
    const fishing = await one(bench, step(), {})
    await bench.registry.putService('hunting', { ...(await bench.registry.service('fishing'))!, name: 'x' })
    const hunting = await one(bench, step(), { service: 'hunting' })
    expect(hunting.stored?.journey).not.toBe(fishing.stored?.journey)
    expect(hunting.stored?.identity).not.toBe(fishing.stored?.identity)
  })
})

describe('withChannel and withOwnChannel', () => {
  it.each([['paper'], ['telephone'], ['assisted-digital'], ['face-to-face'], ['online']])(
    'take %s',
    async (channel) => {
      expect((await one(await openCollector(), step(), { channel })).stored?.channel).toBe(channel)
      expect((await one(await openCollector(), step('start', { channel }))).stored?.channel).toBe(channel)
    },
  )

  it.each([['Online'], [''], [7], [['paper']]])('refuse %j', async (channel) => {
    await refuses(step(), 'invalid-event', 'channel', { channel })
    await refuses(step('start', { channel }), 'invalid-event', 'events[0].channel')
  })

  it('lets an event speak for itself', async () => {
    const { stored } = await one(await openCollector(), step('start', { channel: 'paper' }), { channel: 'telephone' })
    expect(stored?.channel).toBe('paper')
  })
})

describe('withType', () => {
  it.each(eventTypes.map((type) => [type]))(
    'takes %s with what it carries, and without a step but for a step',
    async (type) => {
      const carried = { outcome: 'failed', field: 'post-code', code: 'required', engagedMs: 1500.7, rating: 5 }
      const event = { ...step('start', { type }), ...carried, ...(type === 'step' ? {} : { step: undefined }) }
      const { answer, stored } = await one(await openCollector(), event)
      expect(answer.status).toBe(204)
      expect(stored).toMatchObject({
        type,
        step: type === 'step' ? 'start' : '',
        outcome: type === 'outcome' ? 'failed' : '',
        field: type === 'error' ? 'post-code' : '',
        code: type === 'error' ? 'required' : '',
        engagedMs: type === 'leave' ? 1500 : 0,
        rating: type === 'feedback' ? 5 : 0,
      })
    },
  )

  it.each([['Step'], ['click'], [''], [7], [['step']], ['constructor']])('refuses the type %j', async (type) => {
    await refuses(step('start', { type }), 'invalid-event', 'events[0].type')
  })

  it.each([
    ['an outcome of none', { type: 'outcome' }, 'outcome'],
    ['an outcome unheard of', { type: 'outcome', outcome: 'won' }, 'outcome'],
    ['an outcome in capitals', { type: 'outcome', outcome: 'Completed' }, 'outcome'],
    ['an error of nothing', { type: 'error' }, 'code'],
    ['an error of empty texts', { type: 'error', field: '', code: '' }, 'code'],
    ['a field that is no slug', { type: 'error', field: 'Post code', code: 'x' }, 'field'],
    ['a field of 65 characters', { type: 'error', field: 'f'.repeat(65) }, 'field'],
    ['a code that is a message', { type: 'error', field: 'x', code: 'Enter your name' }, 'code'],
    ['attention below nothing', { type: 'leave', engagedMs: -1 }, 'engagedMs'],
    ['attention of 50 days', { type: 'leave', engagedMs: 2 ** 32 }, 'engagedMs'],
    ['attention as a text', { type: 'leave', engagedMs: '5' }, 'engagedMs'],
    ['no rating', { type: 'feedback' }, 'rating'],
    ['a rating of 0', { type: 'feedback', rating: 0 }, 'rating'],
    ['a rating of 6', { type: 'feedback', rating: 6 }, 'rating'],
    ['a rating of 4.5', { type: 'feedback', rating: 4.5 }, 'rating'],
  ])('refuses %s', async (_, more, path) => {
    await refuses(step('start', more), 'invalid-event', `events[0].${path}`)
  })

  it.each([
    [{ type: 'error', field: 'f'.repeat(64) }],
    [{ type: 'error', code: 'session-expired' }],
    [{ type: 'leave' }],
    [{ type: 'leave', engagedMs: 2 ** 32 - 1 }],
    [{ type: 'feedback', rating: 1 }],
    // What another type carries is not read.
    [{ type: 'save', outcome: 'won', rating: 'x' }],
  ])('takes %j', async (more) => {
    expect((await one(await openCollector(), step('start', more))).answer.status).toBe(204)
  })
})

describe('withStep', () => {
  it.each([
    ['absent', undefined],
    ['null', null],
    ['empty', ''],
    ['of 129 characters', 's'.repeat(129)],
    ['a number', 7],
    ['with a tab', 'a\tb'],
    ['with half a surrogate pair', '\udc00'],
  ])('refuses a name that is %s', async (_, name) => {
    await refuses({ step: name, at: receivedAt }, 'invalid-event', 'events[0].step')
  })

  it.each([
    ['s'],
    ['s'.repeat(128)],
    ['Apply, pay and print'],
    ['T02 Check confirmation of receipt'],
    ['運転免許'],
    ['🎣'],
  ])('takes %j', async (name) => {
    expect((await one(await openCollector(), step(name))).stored?.step).toBe(name)
  })
})

describe('withTime', () => {
  it.each([
    ['absent', undefined],
    ['null', null],
    ['a date', '2026-11-23'],
    ['without an offset', '2026-11-23T12:00:00'],
    ['no day of the calendar', '2026-02-29T12:00:00Z'],
    ['an hour too late', '2026-11-23T24:00:00Z'],
    ['a leap second', '2026-12-31T23:59:60Z'],
    ['of the basic format', '20261123T120000Z'],
    ['digits in a text', String(receivedAt)],
    ['a list', [receivedAt]],
    ['true', true],
  ])('refuses a time that is %s', async (_, at) => {
    await refuses({ step: 'start', at }, 'invalid-event', 'events[0].at')
  })

  it('names the forms that it reads', async () => {
    const { answer } = await one(await openCollector(), { step: 'start', at: '20261123T120000Z' })
    expect(answer.body).toContain('YYYY-MM-DDThh:mm[:ss[.fraction]] with an offset or Z')
  })

  it('refuses a number beyond numbers', async () => {
    const bench = await openCollector()
    const answer = await post(bench, '{"service":"fishing","journey":"j","events":[{"step":"start","at":1e400}]}')
    expect([answer.status, answer.path]).toEqual([400, 'events[0].at'])
  })

  it.each([
    [receivedAt - 5000, receivedAt - 5000],
    [receivedAt - 5000.5, receivedAt - 5001],
    ['2026-11-23T11:59:55Z', receivedAt - 5000],
    ['2026-11-23T11:59:55.0004Z', receivedAt - 5000],
    ['2026-11-23T12:59:55.250+01:00', receivedAt - 4750],
    ['2026-11-23t06:29:55,25-0530', receivedAt - 4750],
    ['2026-11-23T11:59Z', receivedAt - 60_000],
    ['2026-11-23T13:59:55+02', receivedAt - 5000],
  ])('reads %j', async (at, expected) => {
    const bench = await openCollector()
    expect((await one(bench, { step: 'start', at }, {}, await keyed(bench))).stored?.at).toBe(expected)
  })

  it.each([
    ['1970', 0, true],
    ['before 1970', -1, false],
    ['a day ahead', receivedAt + day, true],
    ['a day and a millisecond ahead', receivedAt + day + 1, false],
  ])('with a secret key, %s is kept as given or refused', async (_, at, kept) => {
    const bench = await openCollector()
    // The sender's own clock says nothing here, right or wrong.
    const { answer, stored } = await one(bench, { step: 'start', at }, { sentAt: 'nonsense' }, await keyed(bench))
    expect([answer.status, stored?.at]).toEqual(kept ? [204, at] : [400, undefined])
  })

  it.each([
    ['a right clock', receivedAt - 90_000, receivedAt, receivedAt - 90_000],
    ['a clock an hour behind', receivedAt - 3_690_000, receivedAt - 3_600_000, receivedAt - 90_000],
    ['a clock an hour ahead', receivedAt + 3_510_000, receivedAt + 3_600_000, receivedAt - 90_000],
    ['a network of 29 s', receivedAt - 40_000, receivedAt - 29_000, receivedAt - 40_000],
    ['a clock or network of 31 s', receivedAt - 40_000, receivedAt - 31_000, receivedAt],
    ['no sentAt', receivedAt - 90_000, undefined, receivedAt - 90_000],
    ['sentAt as a text', receivedAt - 90_000, '2026-11-23T11:00:00Z', receivedAt],
    ['seven days ago', receivedAt - 7 * day, receivedAt, receivedAt - 7 * day],
    ['longer ago', receivedAt - 7 * day - 1, receivedAt, receivedAt - 7 * day],
    ['the future', receivedAt + 1, receivedAt, receivedAt],
    ['1970', 0, receivedAt, receivedAt - 7 * day],
    ['before 1970', -5e12, receivedAt, receivedAt - 7 * day],
    ['beyond every calendar', 1e300, receivedAt, receivedAt],
    ['beyond every calendar, twice', 1.7e308, -1.7e308, receivedAt],
    ['before every calendar', -1.7e308, 1.7e308, receivedAt - 7 * day],
  ])('from a browser, %s is corrected and held', async (_, at, sentAt, expected) => {
    const { answer, stored } = await one(await openCollector(), { step: 'start', at }, { sentAt })
    expect([answer.status, stored?.at]).toEqual([204, expected])
  })

  it('refuses a sentAt that does not parse, from a browser', async () => {
    await refuses(step(), 'invalid-event', 'sentAt', { sentAt: 'yesterday' })
  })

  it.each([[-1], [1.5], [2 ** 32], ['3'], [true]])('refuses seq %j', async (seq) => {
    await refuses(step('start', { seq }), 'invalid-event', 'events[0].seq')
  })

  it.each([[0], [2 ** 32 - 1]])('takes seq %j', async (seq) => {
    expect((await one(await openCollector(), step('start', { seq }))).stored?.seq).toBe(seq)
  })
})

describe('withIdentity', () => {
  const identity = async (event: object, more: object = {}): Promise<number> => {
    const { answer, stored } = await one(await openCollector(), event, more)
    expect(answer.status).toBe(204)
    return stored?.identity ?? -1
  }

  it.each([[''], ['i'.repeat(65)], [7], ['\ud800'], [{}]])('refuses the id %j', async (id) => {
    await refuses(step('start', { id }), 'invalid-event', 'events[0].id')
  })

  it.each([['i'], ['i'.repeat(64)], ['\0\n'], ['jo@example.com']])('takes the id %j', async (id) => {
    expect((await identity(step('start', { id }))) % 2).toBe(1)
  })

  it('is the id alone where there is one, and all that the event says where there is none', async () => {
    expect(await identity(step('start', { id: 'a' }))).toBe(
      await identity({ id: 'a', type: 'outcome', outcome: 'failed', at: receivedAt - 5, seq: 4 }),
    )
    const derived = await identity(step('start'))
    expect(derived % 2).toBe(0)
    expect(await identity({ ...step('start'), type: 'step', seq: 0, id: null })).toBe(derived)
  })

  it('takes no notice of the channel, the attributes, or how the instant was written', async () => {
    const derived = await identity({ step: 'start', at: receivedAt - 5000 })
    expect(await identity({ step: 'start', at: '2026-11-23T12:59:55+01:00', channel: 'paper' })).toBe(derived)
    expect(await identity({ step: 'start', at: receivedAt - 5000, attrs: { region: 'north' } })).toBe(derived)
  })

  it('is derived from the time as sent: a copy sent later, corrected otherwise, is the same event', async () => {
    const event = { step: 'start', at: receivedAt - 3_600_000 }
    const first = await identity(event, { sentAt: receivedAt - 3_600_000 })
    expect(await identity(event, { sentAt: receivedAt })).toBe(first)
  })

  it('differs when anything that tells events apart differs', async () => {
    const at = receivedAt - 1000
    const events = [
      { step: 'start', at },
      { step: 'done', at },
      { step: 'start', at: at + 1 },
      { step: 'start', at, seq: 1 },
      { step: 'start', at, type: 'save' },
      { step: 'start', at, type: 'resume' },
      { at, type: 'save' },
      { step: 'start', at, type: 'outcome', outcome: 'failed' },
      { step: 'start', at, type: 'outcome', outcome: 'completed' },
      { step: 'start', at, type: 'error', field: 'a', code: 'b' },
      { step: 'start', at, type: 'error', field: 'ab', code: '' },
      { step: 'start', at, type: 'error', field: 'b', code: 'a' },
      { step: 'starta', at, type: 'error', field: '', code: 'b' },
      { step: 'start', at, type: 'leave', engagedMs: 1 },
      { step: 'start', at, type: 'leave', engagedMs: 2 },
      { step: 'start', at, type: 'feedback', rating: 1 },
      { step: 'start', at, type: 'feedback', rating: 2 },
      { step: 'start', at, id: 'start' },
    ]
    const identities = await Promise.all(events.map((event) => identity(event)))
    expect(new Set(identities).size).toBe(events.length)
  })

  it('is a whole number of 41 bits that a double holds', async () => {
    const identities = await Promise.all(
      Array.from({ length: 50 }, (_, index) => identity(step('start', { id: `${index}` }))),
    )
    expect(identities.every((value) => Number.isSafeInteger(value) && value >= 0 && value < 2 ** 41)).toBe(true)
    expect(Math.max(...identities)).toBeGreaterThan(2 ** 39)
  })
})

describe('withAttributes and withDimensions', () => {
  it.each([
    ['a list', ['a']],
    ['a text', 'a'],
    ['a name that is no slug', { Region: 'north' }],
    ['a value that is no text', { region: 7 }],
    ['a value of 65 characters', { region: 'n'.repeat(65) }],
    ['a value with a line break', { region: 'n\n' }],
    ['a value with half a surrogate pair', { region: '\ud83c' }],
    ['nine attributes', Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`a${index}`, 'x']))],
    ['values within values', { region: { name: 'north' } }],
  ])('refuse %s', async (_, attrs) => {
    await refuses(step('start', { attrs }), 'invalid-event', 'events[0].attrs')
  })

  it('refuse a prototype in disguise', async () => {
    const bench = await openCollector()
    const text = JSON.stringify(bodyOf([step('start', { attrs: { p: 'x' } })])).replace('"p"', '"__proto__"')
    expect((await post(bench, text)).path).toBe('events[0].attrs')
  })

  it('keep what the service lists, leave out and count the rest', async () => {
    const bench = await openCollector()
    const attrs = {
      region: 'n'.repeat(64),
      'licence-type': 'coarse',
      colour: 'red',
      device: 'fridge',
      constructor: 'x',
    }
    const { stored } = await one(bench, step('start', { attrs }))
    expect(stored?.dimensions).toEqual([
      ['licence-type', 'coarse'],
      ['referrer', 'none'],
      ['region', 'n'.repeat(64)],
    ])
    expect(bench.signals.said).toEqual(['accepted 1', 'dropped unknown-attribute 3'])
  })

  it('take an empty value for none', async () => {
    const { stored } = await one(await openCollector(), step('start', { attrs: { region: '' } }))
    expect(stored?.dimensions).toEqual([['referrer', 'none']])
  })

  it('take each event for itself, however alike they are', async () => {
    const bench = await openCollector()
    const given = [
      { region: 'a' },
      { region: 'a' },
      undefined,
      { region: 'a', 'licence-type': 'x' },
      { region: 'b' },
      { 'licence-type': 'x' },
      { region: 'a', colour: 'red' },
    ]
    await post(bench, bodyOf(given.map((attrs, seq) => step('start', { seq, attrs }))))
    const kept = bench
      .stored()
      .map(({ dimensions }) => Object.fromEntries(dimensions.filter(([name]) => name !== 'referrer')))
    expect(kept).toEqual([
      { region: 'a' },
      { region: 'a' },
      {},
      { region: 'a', 'licence-type': 'x' },
      { region: 'b' },
      { 'licence-type': 'x' },
      { region: 'a' },
    ])
  })

  it('make the values past the limit one, and count them', async () => {
    const bench = await openCollector({ dimensionValuesMax: 3 })
    const values = ['a', 'b', 'c', 'd', 'd', 'a', 'other']
    await post(bench, bodyOf(values.map((region, seq) => step('start', { seq, attrs: { region } }))))
    const kept = bench.stored().map(({ dimensions }) => Object.fromEntries(dimensions)['region'])
    expect(kept).toEqual(['a', 'b', 'c', 'other', 'other', 'a', 'other'])
    expect(bench.signals.said).toEqual(['accepted 7', 'dropped many-values 2'])
    // Another dimension has room of its own.
    const { stored } = await one(bench, step('start', { attrs: { 'licence-type': 'coarse' } }))
    expect(stored?.dimensions).toContainEqual(['licence-type', 'coarse'])
  })

  it('take back the values of a request that was refused', async () => {
    const bench = await openCollector({ dimensionValuesMax: 1 })
    await post(bench, bodyOf([step('start', { attrs: { region: 'a' } }), {}]))
    expect((await one(bench, step('start', { attrs: { region: 'b' } }))).stored?.dimensions).toContainEqual([
      'region',
      'b',
    ])
  })
})

describe('withoutPersonalData', () => {
  it.each([
    ['a step', { step: 'jo.bloggs@example.com' }, 'step'],
    ['a step', { step: '07700 900123' }, 'step'],
    ['an attribute', { attrs: { region: 'SW1A 1AA' } }, 'attrs'],
    ['a second attribute', { attrs: { region: 'north', 'licence-type': 'AB123456C' } }, 'attrs'],
    ['a field', { type: 'error', field: '4111111111111111' }, 'field'],
    ['a code', { type: 'error', code: '07700900123' }, 'code'],
  ])('refuses it in %s, and does not repeat it', async (_, more, path) => {
    const bench = await openCollector()
    const answer = await post(bench, bodyOf([step(), step('start', more)]))
    expect([answer.status, answer.code, answer.path]).toEqual([400, 'personal-data', `events[1].${path}`])
    for (const word of ['bloggs', '900123', 'SW1A', 'AB1234', '41111']) expect(answer.body).not.toContain(word)
    expect(bench.stored()).toEqual([])
  })

  it('lets by what a funnel names, and what is left out anyway', async () => {
    const bench = await openCollector()
    const service = await bench.registry.service('fishing')
    if (service === undefined) throw new Error('no service')
    await bench.registry.putService('fishing', { ...service, funnel: { steps: ['start', 'Form 12345678', 'done'] } })
    expect((await one(bench, step('Form 12345678'))).answer.status).toBe(204)
    expect((await one(bench, step('start', { attrs: { email: 'jo@example.com' } }))).answer.status).toBe(204)
  })
})

describe('withinNames', () => {
  const names = (count: number, from = 0) => Array.from({ length: count }, (_, index) => step(`page ${from + index}`))

  it('takes 1,000 names outside the funnel, refuses one more, and those of the funnel never', async () => {
    const bench = await openCollector()
    for (let from = 0; from < 1_000; from += 100) expect((await post(bench, bodyOf(names(100, from)))).status).toBe(204)
    const { answer } = await one(bench, step('page 1000'))
    expect([answer.status, answer.code, answer.path]).toEqual([400, 'invalid-step', 'events[0].step'])
    for (const name of ['page 0', 'page 999', 'start', 'Pay, by card', 'done'])
      expect((await one(bench, step(name))).answer.status).toBe(204)
    // Another service has room of its own.
    expect((await one(bench, step('page 1000'), { service: 'listed' }, await keyed(bench))).answer.status).toBe(204)
  })

  it('makes room once a name is unseen for longer than 28 days', async () => {
    const bench = await openCollector({ foreignStepsMax: 2 })
    await post(bench, bodyOf(names(2)))
    bench.clock.ms += 28 * day
    expect((await one(bench, step('page 1'))).answer.status).toBe(204)
    expect((await one(bench, step('page 2'))).answer.code).toBe('invalid-step')
    bench.clock.ms += 1
    expect((await one(bench, step('page 2'))).answer.status).toBe(204)
    expect((await one(bench, step('page 0'))).answer.code).toBe('invalid-step')
  })

  it('counts a name no longer once a version of the funnel has it', async () => {
    const bench = await openCollector({ foreignStepsMax: 2 })
    await post(bench, bodyOf(names(2)))
    expect((await one(bench, step('page 2'))).answer.code).toBe('invalid-step')
    const service = await bench.registry.service('fishing')
    if (service === undefined) throw new Error('no service')
    await bench.registry.putService('fishing', { ...service, funnel: { steps: ['start', 'page 1', 'done'] } })
    expect((await one(bench, step('page 2'))).answer.status).toBe(204)
    expect((await one(bench, step('page 1'))).answer.status).toBe(204)
    // Names of older versions stay.
    expect((await one(bench, step('Pay, by card'))).answer.status).toBe(204)
  })

  it('takes back the names of a request that was refused', async () => {
    const bench = await openCollector({ foreignStepsMax: 2 })
    const answer = await post(bench, bodyOf(names(3)))
    expect([answer.code, answer.path]).toEqual(['invalid-step', 'events[2].step'])
    expect((await post(bench, bodyOf(names(2, 10)))).status).toBe(204)
  })

  it('keeps the names of a request that may be stored', async () => {
    const bench = await openCollector({ foreignStepsMax: 1 })
    bench.log.append = () => Promise.reject(new Error('away'))
    expect((await post(bench, bodyOf(names(1)))).status).toBe(500)
    expect((await one(bench, step('page 9'))).answer.code).toBe('invalid-step')
  })
})

describe('withVisitor and notAutomated', () => {
  const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
  const googlebot = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'

  it('says device, browser and referrer of a visitor, in words from short lists', async () => {
    const bench = await openCollector()
    const headers = { 'User-Agent': firefox, Referer: 'https://www.google.co.uk/', Origin: 'https://fishing.example' }
    const { stored } = await one(bench, step('start', { attrs: { 'licence-type': 'coarse' } }), {}, headers)
    expect(stored?.dimensions).toEqual([
      ['browser', 'firefox'],
      ['device', 'desktop'],
      ['licence-type', 'coarse'],
      ['referrer', 'search'],
    ])
    expect(JSON.stringify(stored)).not.toMatch(/Mozilla|google|fishing\.example/)
  })

  it('says nothing of them with a secret key: the headers are a server’s', async () => {
    const bench = await openCollector()
    const headers = { ...(await keyed(bench)), 'User-Agent': firefox, Referer: 'https://www.google.com/' }
    expect((await one(bench, step(), {}, headers)).stored?.dimensions).toEqual([])
  })

  it('answers a program as it answers people, counts it, and stores nothing', async () => {
    const bench = await openCollector({ foreignStepsMax: 1, dimensionValuesMax: 1 })
    const program = { 'User-Agent': googlebot }
    const event = step('found by a program', { attrs: { region: 'nowhere' } })
    expect((await one(bench, event, {}, program)).answer.status).toBe(204)
    expect((await one(bench, {}, {}, program)).answer.code).toBe('invalid-event')
    expect((await one(bench, step(), { service: 'nowhere' }, program)).answer.code).toBe('unknown-service')
    expect(bench.stored()).toEqual([])
    expect(bench.signals.said.slice(0, 2)).toEqual(['dropped bot 1', 'refused invalid-event 1'])
    // Neither name nor value is taken.
    const { stored } = await one(bench, step('found by a person', { attrs: { region: 'north' } }))
    expect([stored?.step, stored?.dimensions]).toEqual([
      'found by a person',
      [
        ['referrer', 'none'],
        ['region', 'north'],
      ],
    ])
  })

  it('never takes who has a secret key for a program', async () => {
    const bench = await openCollector()
    const headers = { ...(await keyed(bench)), 'User-Agent': googlebot }
    expect((await one(bench, step(), {}, headers)).stored?.step).toBe('start')
  })
})
