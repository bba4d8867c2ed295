import { encodeEvents } from '../../../infra/event-text.ts'
import { formatVersion } from '../../../infra/kafka/message.ts'
import type { Random } from '../../../domain/random.ts'
import { storedEvent } from '../trails.ts'

/** What a message of the topic can be that is no events. */
export interface Poison {
  readonly name: string
  readonly value: Buffer | null
}

const versioned = (text: string | Buffer, version: number = formatVersion): Buffer =>
  Buffer.concat([Buffer.from([version]), Buffer.from(text)])

/** One of each kind, none like one of another call. */
export function poison(random: Random): readonly Poison[] {
  const mark = `${random.whole(0, 2 ** 31)}-${random.whole(0, 2 ** 31)}`
  const noise = (bytes: number) => Buffer.from(Array.from({ length: bytes }, () => random.whole(0, 255)))
  const event = storedEvent({ identity: random.whole(1, 2 ** 40), journey: 'ffffffffffffffff', step: mark })
  const row = JSON.parse(encodeEvents([event])) as unknown[][]
  const without = (place: number, value: unknown) =>
    versioned(JSON.stringify(row.map((values) => values.map((one, index) => (index === place ? value : one)))))
  return [
    { name: 'nothing', value: null },
    { name: 'empty', value: Buffer.alloc(0) },
    { name: 'noise', value: versioned(noise(300)) },
    { name: 'no UTF-8', value: versioned(Buffer.concat([Buffer.from(`["${mark}`), Buffer.from([0xff, 0xfe])])) },
    { name: 'no JSON', value: versioned(`{${mark}`) },
    { name: 'cut off', value: versioned(`${encodeEvents([event, event]).slice(0, -10)}`) },
    { name: 'no list', value: versioned(JSON.stringify({ mark })) },
    { name: 'a number that is a text', value: without(5, mark) },
    { name: 'an unknown type', value: without(3, mark) },
    { name: 'the next version', value: versioned(encodeEvents([event]), formatVersion + 1) },
    { name: 'the last version', value: versioned(encodeEvents([event]), 255) },
    { name: 'oversized', value: versioned(Buffer.from(mark.padEnd(1_000_000, 'x'))) },
  ]
}

/** What can be read but stands in no trail. */
export function misfits(random: Random): readonly Poison[] {
  const journey = 'ffffffffffffffff'
  const identity = random.whole(1, 2 ** 40)
  const of = (some: Parameters<typeof storedEvent>[0]) =>
    versioned(encodeEvents([storedEvent({ service: 'one', journey, identity, ...some })]))
  return [
    { name: 'a time between two', value: of({ at: 1_795_000_000_000.5 }) },
    { name: 'a seq below 0', value: of({ seq: -1 }) },
    { name: 'a journey that is none', value: of({ journey: 'no journey' }) },
  ]
}
