import { channels, type Channel } from '../../domain/stored-event.ts'
import { Drop, type Envelope, type Step } from './step.ts'

const known: ReadonlySet<unknown> = new Set(channels)
export const isChannel = (value: unknown): value is Channel => known.has(value)

export const malformedChannel = new Drop('invalid-event', 'channel', `expected one of ${channels.join(', ')}`)

/** 400 invalid-event: how the person was served; `online` when not said. */
export const withChannel: Step<Envelope> = (envelope) => {
  const channel = envelope.raw['channel'] ?? 'online'
  if (!isChannel(channel)) return malformedChannel
  envelope.channel = channel
  return envelope
}
