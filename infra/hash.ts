import { createHash, hash } from 'node:crypto'
import type { Sha256 } from '../domain/identity.ts'

/** One-shot where Node has it (20.12): half the time of a hash object. */
export const sha256: Sha256 =
  typeof hash === 'function'
    ? (text) => hash('sha256', text, 'hex')
    : (text) => createHash('sha256').update(text).digest('hex')
