import { createHash, hash } from 'node:crypto'
import { journeyHash, type Sha256 } from '../domain/identity.ts'

/** One-shot where Node has it (20.12): half the time of a hash object. */
export const sha256: Sha256 =
  typeof hash === 'function'
    ? (text) => hash('sha256', text, 'hex')
    : (text) => createHash('sha256').update(text).digest('hex')

/** Of a key: secrets are long and random, so one round of a fast hash is enough: there is nothing to guess from. */
export function keyHash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** How an installation with this secret hashes the references of a service's journeys. */
export const journeyHashWith =
  (secret: string) =>
  (service: string, reference: string): string =>
    journeyHash(sha256, secret, service, reference)
