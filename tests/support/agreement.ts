import { stringify } from 'yaml'
import type { CompiledFunnel, Verdict } from '../../domain/funnel/verdict.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { funnelFault, normaliseFunnel } from '../../domain/service.ts'
import type { Funnel, FunnelInput } from '../../domain/service.ts'
import { TooManyRuns, oracleVerdict, sameVerdict } from './oracle.ts'
import type { OracleEvent } from './oracle.ts'
import { randomFunnel, randomTrail } from './random-funnels.ts'
import { seededRandom } from './random.ts'
import { insertTrails, shapedVerdicts, storeVerdicts } from './verdicts.ts'

export type Compile = (funnel: Funnel) => CompiledFunnel

export interface Agreement {
  readonly funnels: number
  /** Trail x funnel pairs that were compared. */
  readonly pairs: number
  /** Pairs whose runs are too many to enumerate. */
  readonly skipped: number
  /** The first pair on which the two disagree. */
  readonly difference: Difference | null
}

export interface Difference {
  readonly input: FunnelInput
  readonly trail: readonly OracleEvent[]
  readonly store: Verdict | string
  readonly oracle: Verdict
}

export interface AgreementSize {
  readonly batches: number
  readonly funnelsPerBatch: number
  /** Made for each funnel of a batch; every funnel meets the trails of the whole batch. */
  readonly trailsPerFunnel: number
}

/** 2,000 different funnels, each on 40 trails: what CI compares, and in which every mutant is found. */
export const wholeSize: AgreementSize = { batches: 400, funnelsPerBatch: 5, trailsPerFunnel: 8 }

/** Elsewhere a part of it: the engine needs 80 ms to understand each funnel. */
export const agreementSize: AgreementSize = process.env['CI'] === 'true' ? wholeSize : { ...wholeSize, batches: 60 }

/** Nearly all of the time goes into analysing the SQL of each funnel, one statement on one core. */
const statementsAtOnce = 2
const batchesPerInsert = 20

/**
 * Random funnels on random trails, through ClickHouse and through the oracle, until they first disagree.
 * @param only leaves out funnels that need no comparing
 */
export async function agree(
  stores: Stores,
  compile: Compile,
  seed: number,
  size: AgreementSize,
  only: (funnel: Funnel) => boolean = () => true,
): Promise<Agreement> {
  let sum: Agreement = { funnels: 0, pairs: 0, skipped: 0, difference: null }
  const batches = randomBatches(seed, size).map((batch) => ({
    ...batch,
    inputs: batch.inputs.filter((input) => only(normaliseFunnel(input))),
  }))
  for (const chunk of slices(batches, batchesPerInsert)) {
    await insertTrails(stores, new Map(chunk.map(({ name, trails }) => [name, trails])))
    for (const together of slices(chunk, statementsAtOnce)) {
      for (const part of await Promise.all(together.map((batch) => compareBatch(stores, compile, batch)))) {
        sum = {
          funnels: sum.funnels + part.funnels,
          pairs: sum.pairs + part.pairs,
          skipped: sum.skipped + part.skipped,
          difference: sum.difference ?? part.difference,
        }
      }
      if (sum.difference !== null) return sum
    }
  }
  return sum
}

function slices<Item>(items: readonly Item[], length: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, index) =>
    items.slice(index * length, (index + 1) * length),
  )
}

async function compareBatch(stores: Stores, compile: Compile, batch: Batch): Promise<Agreement> {
  const { name, inputs, trails } = batch
  const funnels = inputs.map(normaliseFunnel)
  let pairs = 0
  let skipped = 0
  if (inputs.length === 0) return { funnels: 0, pairs, skipped, difference: null }
  // The engine works on this batch while the oracle does.
  const answered = storeVerdicts(stores.reads, name, funnels.map(compile)).catch(reason)
  const expected = funnels.map((funnel) => trails.map((trail) => tryOracle(funnel, trail)))
  const answers = await answered
  const shapes = typeof answers === 'string' ? answers : await firstByShape(stores, compile, batch)
  for (const [f, input] of inputs.entries()) {
    for (const [t, trail] of trails.entries()) {
      const oracle = expected[f]?.[t]
      if (oracle === undefined || oracle === null) {
        skipped += 1
        continue
      }
      pairs += 1
      // Judging by shape is a statement a funnel: the first of a batch stands for the others.
      for (const all of f === 0 ? [answers, shapes] : [answers]) {
        const store = typeof all === 'string' ? all : (all[f]?.[t] ?? 'no row')
        if (typeof store === 'string' || !sameVerdict(store, oracle))
          return { funnels: inputs.length, pairs, skipped, difference: { input, trail, store, oracle } }
      }
    }
  }
  return { funnels: inputs.length, pairs, skipped, difference: null }
}

async function firstByShape(stores: Stores, compile: Compile, { name, inputs }: Batch): Promise<Verdict[][] | string> {
  const [input] = inputs
  if (input === undefined) return []
  return shapedVerdicts(stores.reads, name, compile(normaliseFunnel(input)))
    .then((verdicts) => [verdicts])
    .catch(reason)
}

/** What ClickHouse said when it refused a statement. */
function reason(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
}

interface Batch {
  readonly name: string
  readonly inputs: readonly FunnelInput[]
  readonly trails: readonly (readonly OracleEvent[])[]
}

function randomBatches(seed: number, size: AgreementSize): Batch[] {
  const random = seededRandom(seed)
  const seen = new Set<string>()
  const another = (): FunnelInput => {
    for (;;) {
      const input = randomFunnel(random)
      const text = JSON.stringify(input)
      if (seen.has(text)) continue
      seen.add(text)
      return input
    }
  }
  return Array.from({ length: size.batches }, (_, index) => {
    const inputs = Array.from({ length: size.funnelsPerBatch }, another)
    const trails = inputs.flatMap((input) =>
      Array.from({ length: size.trailsPerFunnel }, () => randomTrail(random, normaliseFunnel(input))),
    )
    return { name: `seed-${seed}-batch-${index}`, inputs, trails }
  })
}

function tryOracle(funnel: Funnel, trail: readonly OracleEvent[]): Verdict | null {
  try {
    return oracleVerdict(funnel, trail, 50_000)
  } catch (error) {
    if (error instanceof TooManyRuns) return null
    throw error
  }
}

/** The smallest funnel and trail found, by leaving things out, on which the two still disagree. */
export async function shrink(stores: Stores, compile: Compile, difference: Difference): Promise<Difference> {
  let smallest = difference
  let set = 0
  for (let found = true; found;) {
    found = false
    for (const [input, trail] of smaller(smallest)) {
      if (funnelFault(input) !== null) continue
      const funnel = normaliseFunnel(input)
      const oracle = tryOracle(funnel, trail)
      if (oracle === null) continue
      const name = `shrink-${(set += 1)}`
      await insertTrails(stores, new Map([[name, [trail]]]))
      const compiled = compile(funnel)
      const stored = await storeVerdicts(stores.reads, name, [compiled])
        .then((answers) => answers[0]?.[0] ?? 'no row')
        .catch(reason)
      const shaped = await shapedVerdicts(stores.reads, name, compiled)
        .then((answers) => answers[0] ?? 'no row')
        .catch(reason)
      const store = [stored, shaped].find((answer) => typeof answer === 'string' || !sameVerdict(answer, oracle))
      if (store === undefined) continue
      smallest = { input, trail, store, oracle }
      found = true
      break
    }
  }
  return smallest
}

function* smaller({ input, trail }: Difference): Generator<[FunnelInput, readonly OracleEvent[]]> {
  for (const index of trail.keys()) yield [input, trail.filter((_, other) => other !== index)]
  for (const [index, event] of trail.entries())
    if (event.seq > 0) yield [input, trail.map((other, at) => (at === index ? { ...event, seq: 0 } : other))]
  const { exclude = [], ...rest } = input
  for (const index of exclude.keys()) yield [{ ...rest, exclude: exclude.filter((_, other) => other !== index) }, trail]
  if (input.steps.length > 2)
    for (const index of input.steps.keys())
      yield [{ ...input, steps: input.steps.filter((_, other) => other !== index) }, trail]
  for (const [index, step] of input.steps.entries())
    for (const simpler of simplerSteps(step))
      yield [{ ...input, steps: input.steps.map((other, at) => (at === index ? simpler : other)) }, trail]
}

function* simplerSteps(step: FunnelInput['steps'][number]): Generator<FunnelInput['steps'][number]> {
  if (typeof step === 'string') return
  const { optional, within, ...bare } = step
  if (optional !== undefined) yield { ...bare, ...(within === undefined ? {} : { within }) }
  if (within !== undefined) yield { ...bare, ...(optional === undefined ? {} : { optional }) }
  if ('anyOf' in step && step.anyOf.length > 1)
    for (const index of step.anyOf.keys()) yield { ...step, anyOf: step.anyOf.filter((_, other) => other !== index) }
}

/** As a person reads it. */
export function describeDifference({ input, trail, store, oracle }: Difference, seed: number): string {
  const plain = (verdict: Verdict | string) =>
    typeof verdict === 'string' ? verdict : JSON.stringify({ ...verdict, entered: `0b${verdict.entered.toString(2)}` })
  const from = trail[0]?.at ?? 0
  return [
    `FUZZ_SEED=${seed}`,
    stringify(input).trimEnd(),
    `trail, milliseconds from ${from} (seq):`,
    ...trail.map(({ type, step, at, seq, outcome }) => `  +${at - from} (${seq}) ${type} ${step}${outcome}`),
    `ClickHouse ${plain(store)}`,
    `oracle     ${plain(oracle)}`,
  ].join('\n')
}
