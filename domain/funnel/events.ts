import type { Funnel } from '../service.ts'
import { raw, sql, type Sql } from '../sql.ts'
import { maskOf } from './fits.ts'
import { bindAll } from './let.ts'

/**
 * Binds `w_events` for a funnel whose positions share no name: of the events that matter (strict: of all) the position (UInt8,
 * 0 for none) and the key, `at * 8192 + group`, where a group is the events that are equal in (at, seq).
 */
export function withEvents(funnel: Funnel, body: Sql): Sql {
  const numbers = new Map(
    funnel.positions.flatMap(({ names }, index) => names.map((name) => [name, BigInt(index + 1)] as const)),
  )
  const kept = (column: string) => `arrayFilter((w_v, w_p) -> w_p != 0, ${column}, w_p0)`
  return bindAll(
    [
      {
        w_p0: sql`CAST(arrayMap(w_h -> ${maskOf(raw('w_h'), numbers)}, step) AS Array(UInt8))`,
        w_k0: raw(
          'arrayMap((w_a, w_g) -> w_a * 8192 + w_g, at, arrayCumSum((w_a, w_q) -> w_a != 0 OR w_q != 0, arrayDifference(at), arrayDifference(seq)))',
        ),
      },
      {
        w_events: raw(
          funnel.order === 'strict'
            ? '(w_p0, w_k0)'
            : `if(has(w_p0, 0), (${kept('w_p0')}, ${kept('w_k0')}), (w_p0, w_k0))`,
        ),
      },
    ],
    body,
  )
}

/** No two events of `w_events` have the same (at, seq); the first of the differences is always 0. */
export const tieless = 'countEqual(arrayDifference(w_events.2), 0) <= 1'
