import { keyAdmits } from '../../domain/key.ts'
import { Drop, type Envelope, type Step } from './step.ts'

const beyond = new Drop('scope-missing', 'service', 'the key may not send events for this service')

/** 403 scope-missing: asked before whether the service exists, so that the answer says nothing about that. */
export const withinKey: Step<Envelope> = (envelope, { key }) => {
  if (key === undefined) return envelope
  const service = envelope.raw['service']
  const target = { service: typeof service === 'string' ? service : '', department: envelope.known?.service.department }
  return keyAdmits(key, 'ingest', target) ? envelope : beyond
}
