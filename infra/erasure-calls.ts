import type { ErasureCalls } from '../api/routes/erasures.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { Erasure, Erasures } from '../domain/ports/erasures.ts'
import type { Store } from '../domain/ports/store.ts'
import { param, sql } from '../domain/sql.ts'
import type { Processor } from '../processor/processor.ts'

export interface ErasureCallsParts {
  readonly reads: Store
  readonly erasures: Erasures
  readonly processor: Pick<Processor, 'erase'>
  readonly clock: Clock
  /** Keyed hash of (service, reference): 16 lower-case hex digits. */
  readonly journeyHash: (service: string, reference: string) => string
}

/** The erasures of the API: first the list, which outlives everything, then the removal. */
export function createErasureCalls(parts: ErasureCallsParts): ErasureCalls {
  const { erasures, processor, clock, journeyHash } = parts

  async function apply(some: readonly Erasure[]): Promise<void> {
    await erasures.add(some)
    await processor.erase(some)
  }

  return {
    async erase(service, journey) {
      const at = clock.now()
      const named = await journeysNamed(parts, service, journey, journeyHash(service, journey))
      await apply(named.map((one) => ({ service, journey: one, at })))
    },
    apply,
    list: (question) => erasures.list(question),
  }
}

/**
 * The journeys that a name means. What looks like a hash and is known as one is that, and nothing else. Of
 * what is not known both are erased, the hash and the reference: the event of either may be on its way, and
 * that a hash nobody has is listed does no harm.
 */
async function journeysNamed(
  { reads, erasures }: ErasureCallsParts,
  service: string,
  name: string,
  hashed: string,
): Promise<readonly string[]> {
  if (!/^[0-9a-f]{16}$/.test(name)) return [hashed]
  if (erasures.has(service, name) || (await isKnown(reads, service, name))) return [name]
  return [name, hashed]
}

/** Reads   the keys of one journey in facts and trail. */
async function isKnown(reads: Store, service: string, journey: string): Promise<boolean> {
  const is = sql`service = ${param('String', service)} AND journey = ${param('UInt64', BigInt(`0x${journey}`))}`
  const rows = await reads.select(sql`
    SELECT 1 FROM (
      SELECT 1 FROM facts WHERE ${is} LIMIT 1 UNION ALL SELECT 1 FROM trail WHERE ${is} LIMIT 1
    ) LIMIT 1`)
  return rows.length > 0
}
