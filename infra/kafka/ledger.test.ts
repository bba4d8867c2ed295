import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Ledger } from './ledger.ts'

const message = fc.record({
  events: fc.integer({ min: 1, max: 9 }),
  bytes: fc.integer({ min: 1, max: 500 }),
  /** Sent from here, so that it is known. */
  ours: fc.boolean(),
})

it('counts what waits to the event where all is known, whatever the order it is heard of', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), fc.nat(40), fc.boolean(), (messages, handled, seenFirst) => {
      const ledger = new Ledger()
      if (seenFirst) ledger.seen(3, 0, messages.length, 5)
      for (const [offset, { events, bytes }] of messages.entries())
        ledger.known(3, { from: offset, to: offset + 1, events, bytes, at: 100 + offset })
      // A second time, as when what was sent from here is read.
      for (const [offset, { events, bytes }] of messages.entries())
        ledger.known(3, { from: offset, to: offset + 1, events, bytes, at: 100 + offset })
      const done = Math.min(handled, messages.length)
      ledger.done(3, done)
      ledger.seen(3, done, messages.length, 5)
      const rest = messages.slice(done)
      expect(ledger.pending()).toEqual({
        events: rest.reduce((sum, { events }) => sum + events, 0),
        bytes: rest.reduce((sum, { bytes }) => sum + bytes, 0),
        oldestAt: rest.length === 0 ? null : 100 + done,
      })
    }),
  )
})

it('is never nothing while a message waits, of whomever it is, and nothing when none does', () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 40 }), fc.nat(39), (messages, handled) => {
      const ledger = new Ledger()
      for (const [offset, { events, bytes, ours }] of messages.entries())
        if (ours) ledger.known(0, { from: offset, to: offset + 1, events, bytes, at: 1 })
      ledger.seen(0, 0, messages.length, 2)
      const done = Math.min(handled, messages.length - 1)
      ledger.done(0, done)
      expect(ledger.pending().events).toBeGreaterThanOrEqual(messages.length - done)
      expect(ledger.pending().oldestAt).not.toBeNull()
      ledger.done(0, messages.length)
      expect(ledger.pending()).toEqual({ events: 0, bytes: 0, oldestAt: null })
    }),
  )
})

it('keeps its count when it holds more than it can tell apart', () => {
  const ledger = new Ledger()
  for (let offset = 0; offset < 20_000; offset++)
    ledger.known(0, { from: offset, to: offset + 1, events: 2, bytes: 3, at: offset })
  expect(ledger.pending()).toEqual({ events: 40_000, bytes: 60_000, oldestAt: 0 })
  ledger.done(0, 19_999)
  expect(ledger.pending().events).toBe(2)
})
