import type { Lease, Leases } from '../domain/ports/lease.ts'
import { raw } from '../domain/sql.ts'

/** Of a database that no other program can open. */
export const soleLease: Lease = {
  held: raw('1'),
  check: () => Promise.resolve(),
  lost: new AbortController().signal,
  release: () => Promise.resolve(),
}

export const soleLeases: Leases = { take: (signal) => Promise.resolve(signal.aborted ? null : soleLease) }
