import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileFunnel } from '../../domain/funnel/compile.ts'
import type { Store } from '../../domain/ports/store.ts'
import { defaultLimits } from '../../domain/limits.ts'
import { normaliseFunnel, type FunnelInput } from '../../domain/service.ts'
import { raw, sql } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'

const seven = ['s1', 's2', 's3', 's4', 's5', 's6', 's7']
const bounded = (steps: readonly string[]) =>
  steps.map((step, index) => (index === 0 ? step : { step, within: 'PT20M' }))
const loose: FunnelInput['steps'] = [
  's1',
  { step: 's2', optional: true, within: 'PT20M' },
  { step: 's3', within: 'PT50M' },
  's4',
  { step: 's5', optional: true },
  's6',
  's7',
  'never',
]
const mixed = "['s1', 's2', 's3', 's2', 's3', 's4', 's5', 'x', 's6', 's7', 's3'][intHash64(i) % 11 + 1]"

/** Funnels with the journeys that suit them worst: the name of event `i`, as SQL. */
const shapes: readonly (readonly [name: string, funnel: FunnelInput, step: string])[] = [
  ['starts only', { steps: seven }, "if(i = 4999, 's2', 's1')"],
  ['walks', { steps: [...seven, 'never'] }, "concat('s', toString(i % 7 + 1))"],
  ['walks, strict', { steps: [...seven, 'never'], order: 'strict' }, "concat('s', toString(i % 7 + 1))"],
  ['starts and exclusions', { steps: seven, exclude: [{ step: 'x' }] }, "if(i % 2 = 0, 's1', 'x')"],
  [
    'starts, exclusions and steps, after 2',
    { steps: ['s1', 's2', 's3'], window: 'PT1H', exclude: [{ step: 'x', after: 2 }] },
    "['s1', 'x', 's2'][i % 3 + 1]",
  ],
  [
    'the same within a week',
    { steps: ['s1', 's2', 's3'], exclude: [{ step: 'x', after: 2 }] },
    "['s1', 'x', 's2'][i % 3 + 1]",
  ],
  [
    'starts, then steps and exclusions, after 4',
    { steps: seven, exclude: [{ step: 'x', after: 4 }] },
    "if(i < 2500, 's1', ['s2', 's3', 's4', 'x', 's5', 'x'][i % 6 + 1])",
  ],
  [
    'within and after 2',
    { steps: bounded(seven), exclude: [{ step: 'x', after: 2 }] },
    "['s1', 's2', 's1', 's3', 's1', 'x'][i % 6 + 1]",
  ],
  ['optional, within, exclusions', { steps: loose, exclude: [{ step: 'x', after: 2, before: 5 }] }, mixed],
  ['optional, within, exclusions, an optional bound', { steps: loose, exclude: [{ step: 'x', after: 5 }] }, mixed],
  [
    'many optional, within, exclusions',
    {
      steps: ['s1', ...seven.slice(1).map((step) => ({ step, optional: true, within: 'PT5M' })), 'never'],
      exclude: [{ step: 'x', after: 1, before: 3 }],
    },
    "['s1', 's2', 's3', 's4', 's5', 's6', 's7', 'x'][intHash64(i) % 8 + 1]",
  ],
  ['fifty times the same', { steps: Array.from({ length: 50 }, () => 'a') }, "'a'"],
  [
    'fifty times the same, after 2',
    { steps: [...Array.from({ length: 49 }, () => 'a'), 'never'], exclude: [{ step: 'x', after: 2 }] },
    "if(i % 50 = 49, 'x', 'a')",
  ],
  ['within', { steps: ['s1', 's2', { step: 's3', within: 'P1D' }, 's4'] }, "if(i = 0, 's1', 's2')"],
  ['any', { steps: seven, order: 'any' }, "concat('s', toString(i % 7 + 1))"],
  ['any, fifty times the same', { steps: Array.from({ length: 50 }, () => 'a'), order: 'any' }, "'a'"],
  ['any and exclusions', { steps: seven, order: 'any', exclude: [{ step: 'x' }] }, "if(i % 2 = 0, 's1', 'x')"],
]

/** Times of event `i`, ms: all different, or many equal. */
const times: readonly (readonly [name: string, at: string])[] = [
  ['apart', 'i * 1000'],
  ['pairs', 'intDiv(i, 2) * 1000'],
  ['fifties', 'intDiv(i, 50) * 1000'],
  ['at once', '0'],
]

/** A verdict that takes longer is not waited for. */
const secondsMax = 30

/** What one journey of as many events as are kept can cost at worst: the verdict of each shape, CPU and memory. */
export async function hostile(): Promise<unknown> {
  const directory = mkdtempSync(join(tmpdir(), 'waymark-hostile-'))
  const stores = await openEmbedded(directory)
  try {
    const cases = []
    for (const [shape, input, step] of shapes)
      for (const [spread, at] of times) {
        const judged = { shape, spread, ...(await judge(stores.reads, input, step, at)) }
        process.stderr.write(`${JSON.stringify(judged)}\n`)
        cases.push(judged)
      }
    return {
      events: defaultLimits.trailEventsMax,
      cpuMsMost: Math.max(...cases.map(({ cpuMs }) => cpuMs)),
      memoryMbMost: Math.max(...cases.map(({ memoryMb }) => memoryMb)),
      cases,
    }
  } finally {
    await stores.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function judge(store: Store, input: FunnelInput, step: string, at: string) {
  const { verdict } = compileFunnel(normaliseFunnel(input))
  const events = raw(String(defaultLimits.trailEventsMax))
  const trail = sql`SELECT w.1 AS at, w.2 AS seq, w.3 AS step, CAST([] AS Array(Int64)) AS outcomeAt, CAST([] AS Array(UInt32)) AS outcomeSeq,
    CAST([] AS Array(UInt8)) AS outcome FROM (SELECT arraySort(arrayMap(i -> (toInt64(1750000000000 + ${raw(at)}), toUInt32(0), xxh3(${raw(step)})), range(materialize(${events})))) AS w)`
  const before = cpuMs()
  const memory = memoryPeak()
  const end = await store
    .select<{ depth: number; excluded: number }>(
      sql`SELECT v.depth AS depth, v.excluded AS excluded FROM (SELECT ${verdict} AS v FROM (${trail}))`,
      { secondsMax },
    )
    .then(([row]) => row, reason)
  return { cpuMs: Math.round(cpuMs() - before), memoryMb: memory(), ...end }
}

function reason(error: unknown): { error: string } {
  return { error: error instanceof Error ? error.name : String(error) }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** Starts to watch this process; then what it held at most, MB above what it held at first. */
function memoryPeak(): () => number {
  const status = (field: string) =>
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1_024
  writeFileSync('/proc/self/clear_refs', '5')
  const first = status('VmRSS')
  return () => Math.round(status('VmHWM') - first)
}
