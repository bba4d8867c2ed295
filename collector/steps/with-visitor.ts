import { referrerKind } from '../headers.ts'
import type { Envelope, Step } from './step.ts'

/**
 * Device, browser and kind of referrer, and whether the sender is a program. The headers end here. With a secret
 * key they are a server's, and say nothing of the visitor.
 */
export const withVisitor: Step<Envelope> = (envelope, { key, userAgent, referer, origin, pixel, host }) => {
  if (key !== undefined) return envelope
  const { origins } = envelope.service
  // What sends events is a page of the service, unless the pixel stands in someone else's.
  const own = (from: string): boolean =>
    (!pixel && from === origin) || origins?.has(from) === true || from.slice(from.indexOf('//') + 2) === host
  const referrer = ['referrer', referrerKind(referer, own)] as const
  if (userAgent === undefined) {
    envelope.visitor = [referrer]
    return envelope
  }
  envelope.bot = userAgent.bot
  envelope.visitor = [['browser', userAgent.browser], ['device', userAgent.device], referrer]
  return envelope
}
