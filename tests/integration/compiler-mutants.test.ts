import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compileFunnel } from '../../domain/funnel/compile.ts'
import type { CompiledFunnel } from '../../domain/funnel/verdict.ts'
import type { Stores } from '../../domain/ports/store.ts'
import type { Funnel } from '../../domain/service.ts'
import { raw, render } from '../../domain/sql.ts'
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
    file: 'furthest.ts',
    find: "w_v.1 + ${param('Int64', funnel.windowMs)} >= w_t",
    replace: "w_v.1 + ${param('Int64', funnel.windowMs)} > w_t",
  },
  {
    name: 'a window that ends one millisecond early, in the cheap pass',
    file: 'chain.ts',
    find: '(BigInt(funnel.windowMs) + 1n) * 8192n',
    replace: 'BigInt(funnel.windowMs) * 8192n',
  },
  {
    name: 'a window from the latest event, not from the start',
    file: 'furthest.ts',
    find: "w_v.1 + ${param('Int64', funnel.windowMs)} >= w_t",
    replace: "w_v.2 + ${param('Int64', funnel.windowMs)} >= w_t",
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
    file: 'hops.ts',
    find: 'w_p.1 > ${',
    replace: 'w_p.1 >= ${',
  },
  {
    name: 'an open exclusion that ends one millisecond early',
    file: 'clean.ts',
    find: '+ ${window} < w_until',
    replace: '+ ${window} <= w_until',
  },
  {
    name: 'hit runs that do not count for the furthest',
    file: 'furthest.ts',
    find: 'w_at, w_gs, w_passes${',
    replace:
      "w_at, w_gs, ${raw(funnel.exclusions.length > 0 ? 'arrayMap((w_p, w_n) -> if(w_n = 0, w_p, []), w_passes, arrayCumSum(w_x -> w_x != 0, w_xs))' : 'w_passes')}${",
  },
  {
    name: 'within that is exceeded when it is met exactly',
    file: 'chosen.ts',
    find: 'w_c.3 - w_t <= ${',
    replace: 'w_c.3 - w_t < ${',
  },
  {
    name: 'a start that is later than its exclusion allows',
    file: 'chosen.ts',
    find: ' < w_limit`',
    replace: ' < w_limit + 1`',
  },
  {
    name: 'an exclusion that hits at its own last position',
    file: 'hops.ts',
    find: '(1n << BigInt(before)) - (1n << BigInt(after))',
    replace: '(2n << BigInt(before)) - (1n << BigInt(after))',
  },
  {
    name: 'fewer positions, if they come sooner',
    file: 'chosen.ts',
    find: '(w_c.1, -w_c.5, w_c.7, w_c.6)',
    replace: '(w_c.1, w_c.5, w_c.7, w_c.6)',
  },
  {
    name: 'only one optional position skipped at a time',
    file: 'bytes.ts',
    find: 'at > 1 && funnel.positions[at - 1]?.optional',
    replace: 'at > 1 && at > position - 2 && funnel.positions[at - 1]?.optional',
  },
  {
    name: 'the start that was first, among runs that end together',
    file: 'chosen.ts',
    find: 'w_top[1].5 > w_s.2',
    replace: 'w_top[1].5 >= w_s.2',
  },
  {
    name: 'strict without repeats, in the exact pass',
    file: 'chosen.ts',
    find: "['bitShiftLeft(w_all, 1)']",
    replace: "['toUInt64(0)']",
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
  {
    name: 'by shape: events at one time taken in the order in which they are stored',
    file: 'shapes.ts',
    find: ' AND countEqual(gaps, 0) <= (gaps[1] = 0)',
    replace: '',
  },
  {
    name: 'by shape: within looked at only where it is longer than the window',
    file: 'shapes.ts',
    find: 'return Math.min(windowMs, ...positions',
    replace: 'return Math.max(windowMs, ...positions',
  },
  {
    name: 'by shape: a pause as long as the window parts a trail',
    file: 'shapes.ts',
    find: 'arrayMax(gaps) > ${window}',
    replace: 'arrayMax(gaps) >= ${window}',
  },
  {
    name: 'by shape: what lies beside the pause however long it is',
    file: 'shapes.ts',
    find: ' AND ${span} - arrayMax(gaps) <= ${near}',
    replace: '',
  },
  {
    name: 'by shape: an outcome at the moment of a step',
    file: 'shapes.ts',
    find: ' AND NOT has(arrayCumSum(gaps), ${after})',
    replace: '',
  },
  {
    name: 'by shape: an outcome one step too early',
    file: 'shapes.ts',
    find: 'w_a -> w_a <= ${after}, arrayCumSum',
    replace: 'w_a -> w_a + 1 < ${after}, arrayCumSum',
  },
  {
    name: 'by shape: an outcome wherever it lies',
    file: 'shapes.ts',
    find: 'cityHash64(step, outcome[1], ${before})',
    replace: 'cityHash64(step, outcome[1])',
  },
]

function text({ verdictsOf }: CompiledFunnel): string {
  const trails = { columns: raw('journey'), rows: raw('rows'), sample: raw('sample') }
  return JSON.stringify(render(verdictsOf(trails)), (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
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
