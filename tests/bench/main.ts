import type { Start } from '../../infra/program.ts'
import { annotations } from './annotations.ts'
import { beacon } from './beacon.ts'
import { collectorKafka } from './collector-kafka.ts'
import { collector } from './collector.ts'
import { discover } from './discover.ts'
import { freshness, freshnessKafka } from './freshness.ts'
import { hostile } from './hostile.ts'
import { overload } from './overload.ts'
import { processor } from './processor.ts'
import { query } from './query.ts'
import { ranking } from './ranking.ts'
import { soak } from './soak.ts'
import { storage } from './storage.ts'
import { machine } from './machine.ts'

/** @param numbers that stand after its name, such as the millions of events of `query` */
type Benchmark = (numbers: readonly number[]) => Promise<unknown>

const benchmarks: Readonly<Record<string, Benchmark>> = {
  collector,
  'collector --kafka': collectorKafka,
  processor,
  freshness,
  'freshness --kafka': freshnessKafka,
  overload,
  storage,
  hostile,
  query,
  ranking,
  discover,
  annotations,
  beacon,
}

/** An hour each: not among those that `npm run bench` runs by itself. */
const longBenchmarks: Readonly<Record<string, Benchmark>> = { soak }

/**
 * `npm run bench` runs all, `npm run bench -- NAME` one, `npm run bench -- query 10 100` one with numbers of its
 * own; the last line of each is one JSON object.
 */
export async function main({ args }: Start): Promise<number> {
  const asked = benchmarksAsked(args)
  if (asked === null) {
    process.stderr.write(
      `unknown benchmark in ${JSON.stringify(args)}: expected some of ${Object.keys({ ...benchmarks, ...longBenchmarks }).join(', ')}, each with its numbers after it\n`,
    )
    return 2
  }
  for (const { name, benchmark, numbers } of asked) {
    const result = await benchmark(numbers)
    process.stdout.write(`${JSON.stringify({ benchmark: name, machine: machine(), result })}\n`)
  }
  return 0
}

interface Asked {
  readonly name: string
  readonly benchmark: Benchmark
  readonly numbers: number[]
}

/** An option belongs to the word before it. */
function withOptions(args: readonly string[]): readonly string[] {
  return args
    .join(' ')
    .replaceAll(' --', '\0--')
    .split(' ')
    .map((word) => word.replaceAll('\0', ' '))
}

/** All when none is named; null when a word is neither a benchmark nor a number after one. */
function benchmarksAsked(args: readonly string[]): readonly Asked[] | null {
  const asked: Asked[] = []
  const all = { ...benchmarks, ...longBenchmarks }
  for (const word of args.length === 0 ? Object.keys(benchmarks) : withOptions(args)) {
    const benchmark = Object.hasOwn(all, word) ? all[word] : undefined
    const last = asked.at(-1)
    if (benchmark !== undefined) asked.push({ name: word, benchmark, numbers: [] })
    else if (last !== undefined && Number(word) > 0) last.numbers.push(Number(word))
    else return null
  }
  return asked
}
