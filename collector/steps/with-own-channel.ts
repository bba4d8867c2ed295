import type { Draft, Step } from './step.ts'
import { isChannel, malformedChannel } from './with-channel.ts'

/** 400 invalid-event: an event of a JSON body may name a channel of its own. */
export const withOwnChannel: Step<Draft> = (event) => {
  const channel = event.raw['channel']
  if (channel === undefined || channel === null) return event
  if (!isChannel(channel)) return malformedChannel
  event.channel = channel
  return event
}
