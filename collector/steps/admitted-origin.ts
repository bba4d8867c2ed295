import { Drop, type Envelope, type Step } from './step.ts'

const foreign = new Drop('origin-not-allowed', 'service', 'the service takes events from the origins that it lists')

/** 403 origin-not-allowed: a service that lists origins takes events from their pages, and from secret keys. */
export const admittedOrigin: Step<Envelope> = (envelope, { key, origin, pixel }) => {
  const { origins } = envelope.service
  if (origins === null || key !== undefined) return envelope
  // An image request carries a Referer only when the page's policy lets it.
  if (origin === undefined) return pixel ? envelope : foreign
  return origins.has(origin) ? envelope : foreign
}
