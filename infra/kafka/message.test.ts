import fc from 'fast-check'
import { expect, it } from 'vitest'
import { anyStoredEvent, storedEvent } from '../../tests/support/trails.ts'
import { decodeMessage, encodeMessages, formatVersion, messageBytesMax, partitionOf } from './message.ts'

/** A message as another program would write it. */
const written = (rows: unknown, version = formatVersion) =>
  Buffer.concat([Buffer.from([version]), Buffer.from(typeof rows === 'string' ? rows : JSON.stringify(rows))])

const plain = ['renew', '0000000000000001', 1, 0, 'start', 1_795_000_000_000, 0, 0, []]

it('comes back as it went in, one message a journey, in the order of each', () => {
  fc.assert(
    fc.property(fc.array(anyStoredEvent, { minLength: 1, maxLength: 60 }), (batch) => {
      const messages = encodeMessages(batch)
      const journeys = new Set(batch.map(({ service, journey }) => `${service}/${journey}`))
      expect(messages).toHaveLength(journeys.size)
      for (const { value, journey, events } of messages) {
        const decoded = decodeMessage(value)
        expect(decoded).toHaveLength(events)
        const [{ service } = { service: '' }] = decoded
        expect(decoded).toEqual(batch.filter((event) => event.journey === journey && event.service === service))
      }
    }),
  )
})

it('is as documented: a byte for the version, then JSON', () => {
  const [message] = encodeMessages([storedEvent(), storedEvent({ identity: 2, at: 1_795_000_000_007, seq: 3 })])
  expect(message?.value[0]).toBe(1)
  expect(JSON.parse(message?.value.toString('utf8', 1) ?? '')).toEqual([
    plain,
    [0, 0, 2, 0, 'start', 1_795_000_000_007, 3, 0, 0],
  ])
})

it('is read by an older program when a newer one adds to the end of an event', () => {
  expect(decodeMessage(written([plain]))).toEqual([storedEvent()])
  expect(decodeMessage(written([[...plain, '', '', '', 0, 0, 'something new', { more: 1 }]]))).toEqual([storedEvent()])
})

it.each([
  ['the message is empty', null],
  ['the message is empty', Buffer.alloc(0)],
  ['format version 2: this program reads up to 1', written([plain], 2)],
  ['format version 123: this program reads up to 1', Buffer.from('{"service":"renew"}')],
  ['cannot be decoded: no JSON in UTF-8', written('[[1')],
  ['cannot be decoded: no JSON in UTF-8', Buffer.from([1, 0xff, 0xfe])],
  ['cannot be decoded: not a list of events', written({})],
  ['cannot be decoded: not an event', written([7])],
  ['cannot be decoded: a word is unknown', written([[...plain.slice(0, 3), 'explosion', ...plain.slice(4)]])],
])('says %s', (reason, value) => {
  expect(() => decodeMessage(value)).toThrow(new RegExp(`^${reason}$`))
})

it('splits what a journey has too much of, each message within its limit', () => {
  const step = 'x'.repeat(120)
  const batch = Array.from({ length: 9_000 }, (_, identity) => storedEvent({ identity, step }))
  const messages = encodeMessages(batch)
  expect(messages.length).toBeGreaterThan(4)
  for (const { value } of messages) expect(value.length).toBeLessThanOrEqual(messageBytesMax)
  expect(messages.flatMap(({ value }) => decodeMessage(value))).toEqual(batch)
})

it('spreads journeys evenly', () => {
  const counts = [0, 0, 0, 0, 0, 0]
  for (let number = 0; number < 6_000; number++) {
    const journey = ((number * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0') + '00000000'
    const partition = partitionOf(journey, counts.length)
    counts[partition] = (counts[partition] ?? 0) + 1
  }
  for (const count of counts) expect(count).toBeGreaterThan(900)
})
