import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compileFunnel } from '../../domain/funnel/compile.ts'
import type { CompiledFunnel } from '../../domain/funnel/verdict.ts'
import type { Stores } from '../../domain/ports/store.ts'
import type { Funnel } from '../../domain/service.ts'
import { render } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { agree, wholeSize } from '../support/agreement.ts'
import { mutatedCompiler, type Mutant } from '../support/mutants.ts'

/**
 * Mistakes that a compiler of funnels could make, one at a time: the comparison with the oracle must find each
 * of them, or it would not find them in the compiler either.
 */
const mutants: readonly Mutant[] = [
  {
    name: 'a window that ends one millisecond early, in the exact pass',
    file: 'ordered.ts',
    find: 'w_c.2 + ${window} >= w_t',
    replace: 'w_c.2 + ${window} > w_t',
  },
  {
    name: 'a window that ends one millisecond early, in the cheap pass',
    file: 'chain.ts',
    find: '(BigInt(funnel.windowMs) + 1n) * 8192n',
    replace: 'BigInt(funnel.windowMs) * 8192n',
  },
  {
    name: 'a window from the latest event, not from the start',
    file: 'ordered.ts',
    find: 'w_c.2 + ${window} >= w_t',
    replace: 'w_c.4 + ${window} >= w_t',
  },
  {
    name: 'the earliest start of a run, not the latest',
    file: 'chain.ts',
    find: 'multiIf(w_p = 1, w_k, ${',
    replace: 'multiIf(w_p = 1, if(w_s.1 >= 0, w_s.1, w_k), ${',
  },
  {
    name: 'ties taken in the order in which they are stored',
    file: 'chain.ts',
    find: 'if(${tieless}, w_events',
    replace: 'if(1, w_events',
  },
  {
    name: 'an exclusion at the same moment as its first position',
    file: 'ordered.ts',
    find: 'w_p.1 > w_a AND w_p.2 < w_b',
    replace: 'w_p.1 >= w_a AND w_p.2 < w_b',
  },
  {
    name: 'an open exclusion that ends one millisecond early',
    file: 'ordered.ts',
    find: 'NOT (w_t <= w_c.2 + ${window} AND',
    replace: 'NOT (w_t < w_c.2 + ${window} AND',
  },
  {
    name: 'hit runs that do not count for the furthest',
    file: 'ordered.ts',
    find: 'arrayMax(arrayPushBack(w_new.1, w_s.3))',
    replace: 'arrayMax(arrayPushBack(arrayMap(w_c -> w_c.1, arrayFilter(w_c -> w_c.6 = 0, w_new)), w_s.3))',
  },
  {
    name: 'within that is exceeded when it is met exactly',
    file: 'ordered.ts',
    find: 'w_t - w_c.4 <= ${',
    replace: 'w_t - w_c.4 < ${',
  },
  {
    name: 'only one optional position skipped at a time',
    file: 'bytes.ts',
    find: 'at > 1 && funnel.positions[at - 1]?.optional',
    replace: 'at > 1 && at > position - 2 && funnel.positions[at - 1]?.optional',
  },
  {
    name: 'the start that was first, among runs that end together',
    file: 'ordered.ts',
    find: '-w_c.3, w_c.9, w_c.8), ${all}',
    replace: 'w_c.3, w_c.9, w_c.8), ${all}',
  },
  {
    name: 'strict without repeats, in the exact pass',
    file: 'ordered.ts',
    find: 'arrayFilter(w_c -> bitTest(w_all, w_c.1 - 1), ${kept})',
    replace: 'arrayFilter(w_c -> 0, ${kept})',
  },
  {
    name: 'strict without repeats, in the cheap pass',
    file: 'chain.ts',
    find: '${none}, (w_k - w_f < w_span), w_f, w_s.${position})',
    replace: '${none}, (w_k - w_f < w_span), w_f, ${none})',
  },
  {
    name: 'any order: complete at the moment of the listed step is too late',
    file: 'any.ts',
    find: 'w_stop <= w_xg',
    replace: 'w_stop < w_xg',
  },
  {
    name: 'any order: a listed step at the moment of the first event',
    file: 'any.ts',
    find: "w_xg: raw('if(w_s.2 = w_g, w_s.4, w_s.2)')",
    replace: "w_xg: raw('w_s.2')",
  },
  {
    name: 'any order: the first to end, ignoring which started last',
    file: 'any.ts',
    find: 'w_stop < w_s.7',
    replace: 'w_stop <= w_s.7',
  },
  {
    name: 'outcomes at the end of the window left out',
    file: 'outcomes.ts',
    find: 'w_o.1 <= w_o.4 + ${window}',
    replace: 'w_o.1 < w_o.4 + ${window}',
  },
  {
    name: 'failed, whatever step came later',
    file: 'outcomes.ts',
    find: '(w_o.1, w_o.2) >= (at[-1], seq[-1])',
    replace: 'w_o.1 >= 0',
  },
  {
    name: 'open from the first start only',
    file: 'outcomes.ts',
    find: '(w_starts[1], w_starts[-1], ',
    replace: '(w_starts[1], w_starts[1], ',
  },
]

function text({ verdict }: CompiledFunnel): string {
  return JSON.stringify(render(verdict), (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
}

describe('a mistake in the compiler is found', () => {
  let directory: string
  let stores: Stores

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'waymark-mutants-'))
    stores = await openEmbedded(directory)
  })

  afterAll(async () => {
    await stores.close()
    rmSync(directory, { recursive: true })
  })

  test.each(mutants.map((mutant, number) => ({ ...mutant, number })))(
    '$name',
    { timeout: 600_000 },
    async ({ number, ...mutant }) => {
      const mutated = await mutatedCompiler(mutant, directory, number)
      // Where the mistake does not show in the SQL, the other test has compared already.
      const shows = (funnel: Funnel) => text(mutated(funnel)) !== text(compileFunnel(funnel))
      const { difference } = await agree(stores, mutated, 20_260_105, wholeSize, shows)
      expect(typeof difference?.store).toBe('object')
    },
  )

  test('a mutant whose text is gone is an error, not a pass', async () => {
    const gone = { name: 'gone', file: 'compile.ts', find: 'not in the compiler', replace: '' }
    await expect(mutatedCompiler(gone, directory, -1)).rejects.toThrow('stands 0 times')
  })
})
