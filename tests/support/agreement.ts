import { stringify } from 'yaml'
import type { CompiledFunnel, Verdict } from '../../domain/funnel/verdict.ts'
import type { Stores } from '../../domain/ports/store.ts'
import { funnelFault, normaliseFunnel } from '../../domain/service.ts'
import type { Funnel, FunnelInput } from '../../domain/service.ts'
import { TooManyRuns, oracleVerdict, sameVerdict } from './oracle.ts'
import type { OracleEvent } from './oracle.ts'
import { randomFunnel, randomTrail } from './random-funnels.ts'
import { seededRandom } from './random.ts'
import { insertTrails, storeVerdicts } from './verdicts.ts'

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

/** What one run of the tests compares: 2,200 different funnels. */
export const agreementSize: AgreementSize = { batches: 220, funnelsPerBatch: 10, trailsPerFunnel: 6 }

/** Random funnels on random trails, through ClickHouse and through the oracle, until they first disagree. */
export async function agree(stores: Stores, compile: Compile, seed: number, size: AgreementSize): Promise<Agreement> {
  let pairs = 0
  let skipped = 0
  const batches = randomBatches(seed, size)
  for (const [index, { name, inputs, trails }] of batches.entries()) {
    const funnels = inputs.map(normaliseFunnel)
    await insertTrails(stores, name, trails)
    // The engine works on this batch while the oracle does.
    const answered = storeVerdicts(stores.reads, name, funnels.map(compile)).catch((error: unknown) => String(error))
    const expected = funnels.map((funnel) => trails.map((trail) => tryOracle(funnel, trail)))
    const answers = await answered
    for (const [f, input] of inputs.entries()) {
      for (const [t, trail] of trails.entries()) {
        const oracle = expected[f]?.[t]
        if (oracle === undefined || oracle === null) {
          skipped += 1
          continue
        }
        const store = typeof answers === 'string' ? answers : (answers[f]?.[t] ?? 'no row')
        if (typeof store === 'string' || !sameVerdict(store, oracle))
          return { funnels: index * size.funnelsPerBatch, pairs, skipped, difference: { input, trail, store, oracle } }
        pairs += 1
      }
    }
  }
  return { funnels: size.batches * size.funnelsPerBatch, pairs, skipped, difference: null }
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
      await insertTrails(stores, name, [trail])
      const store = await storeVerdicts(stores.reads, name, [compile(funnel)])
        .then((answers) => answers[0]?.[0] ?? 'no row')
        .catch((error: unknown) => String(error))
      if (typeof store !== 'string' && sameVerdict(store, oracle)) continue
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
