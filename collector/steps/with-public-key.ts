import { timingSafeEqual } from 'node:crypto'
import { Drop, type Envelope, type Step } from './step.ts'

const wrong = new Drop('bad-key', 'key', 'expected the public key of the service')

/** 401 bad-key: browsers show the public key of a service that has one. */
export const withPublicKey: Step<Envelope> = (envelope, { key }) => {
  const { service } = envelope.service
  if (!service.publicKey || key !== undefined) return envelope
  const given = envelope.raw['key']
  if (typeof given !== 'string' || service.key === undefined) return wrong
  const expected = Buffer.from(service.key)
  const shown = Buffer.from(given)
  return shown.length === expected.length && timingSafeEqual(shown, expected) ? envelope : wrong
}
