import { spawnSync } from 'node:child_process'
import { defaultLimits } from '../../domain/limits.ts'
import type { Stores } from '../../domain/ports/store.ts'
import type { Service } from '../../domain/service.ts'
import { raw } from '../../domain/sql.ts'
import type { Questions } from '../../queries/context.ts'
import { createQuestions } from '../../queries/questions.ts'
import { openMemoryAnnotations } from '../support/memory-annotations.ts'
import { journeyHash } from '../support/answering.ts'
import { fixedClock } from '../support/processing.ts'
import { memoryMb, percentile } from './machine.ts'
import { checkFacts, checkRaw } from './query-check.ts'
import { dataSet, openDataSet, type DataSet, type Opened } from './query-data.ts'
import { live } from './query-live.ts'
import { lowCompletionOf, questionsOf, type Asked } from './query-questions.ts'
import { largest, middle, smallest, withOptionalStep, withTwentySteps } from './query-services.ts'

const millionsDefault = [10]
const coldTimes = 5
const warmTimes = 20
const rawTimes = 5
const atOnce = 20
/** A question that takes seconds is asked fewer times, but five at least: nobody waits an hour for a figure. */
const patienceMs = 20_000
const timesMin = 5

/**
 * Every question at so many million events, cold and warm, beside `windowFunnel` over the raw events in the same run;
 * twenty people at once; the same while events arrive; bytes an event.
 */
export async function query(millions: readonly number[]): Promise<unknown> {
  const results = []
  for (const million of millions.length === 0 ? millionsDefault : millions) {
    const data = await dataSet(million * 1_000_000)
    try {
      const still = await asked(data)
      results.push({
        millionEvents: million,
        builtSeconds: data.seconds,
        sealSeconds: data.sealSeconds,
        ...still,
        live: await live(data),
      })
    } finally {
      data.remove()
    }
  }
  return {
    results,
    goal: { p95Ms: 50, ratio: 100, adHocRatio: 4, atOnceP95Ms: 500, liveP95Ms: 250, bytesPerEvent: 20 },
  }
}

async function asked(data: DataSet): Promise<object> {
  const opened = await openDataSet(data.directory, data.until)
  try {
    const check = await checkFacts(opened, 200)
    if (check.differences.length > 0) throw new Error(`facts were made wrongly: ${JSON.stringify(check.differences)}`)
    const { stores, registry } = opened
    const clock = fixedClock(data.until)
    const questions = createQuestions({
      reads: stores.reads,
      registry,
      clock,
      limits: defaultLimits,
      journeyHash,
      annotations: openMemoryAnnotations({ clock }),
    })
    const before = memoryMb(process.pid)
    const rows = []
    for (const [service, list] of await lists(opened, questions, data.until))
      for (const one of list) rows.push(report({ service, question: one.name, ...(await measure(one, stores, data)) }))
    const together = report({ atOnce, ...(await measureTogether(opened, questions, data.until)) })
    return {
      rows,
      together,
      raw: await checkRaw(opened, questions, data.until),
      memoryMb: { before, after: memoryMb(process.pid) },
    }
  } finally {
    await opened.stores.close()
  }
}

async function lists({ stores, registry }: Opened, questions: Questions, now: number) {
  const lists: [string, readonly Asked[]][] = []
  for (const id of [largest, middle, smallest, withTwentySteps, withOptionalStep])
    lists.push([id, questionsOf(questions, stores.reads, await known(registry, id), now)])
  return [...lists, ['all', [lowCompletionOf(questions, stores.reads, await registry.services(), now)]] as const]
}

async function known(registry: Opened['registry'], id: string): Promise<Service> {
  const service = await registry.service(id)
  if (service === undefined) throw new Error(`the data set has no ${id}`)
  return service
}

async function measure({ ours, raw: fromRaw }: Asked, stores: Stores, data: DataSet): Promise<object> {
  const cold = await times(coldTimes, ours, () => forget(stores, data))
  const warm = await times(warmTimes, ours)
  await fromRaw()
  const scan = await times(rawTimes, fromRaw)
  return {
    coldP50Ms: ms(cold, 0.5),
    coldP95Ms: ms(cold, 0.95),
    p50Ms: ms(warm, 0.5),
    p95Ms: ms(warm, 0.95),
    asked: warm.length,
    rawP50Ms: ms(scan, 0.5),
    ratio: Number((percentile(scan, 0.5) / percentile(warm, 0.5)).toFixed(1)),
  }
}

/** So many people ask at once, each the next question of a list, until each has asked five. */
async function measureTogether(opened: Opened, questions: Questions, now: number): Promise<object> {
  const all = (await lists(opened, questions, now))
    .flatMap(([, list]) => list)
    .filter(({ name }) => !/ad hoc/.test(name))
  const took: number[] = []
  await Promise.all(
    Array.from({ length: atOnce }, async (_, person) => {
      for (let turn = 0; turn < 5; turn++) {
        const question = all[(person * 7 + turn) % all.length]
        if (question !== undefined) took.push(...(await times(1, question.ours)))
      }
    }),
  )
  return { p50Ms: ms(took, 0.5), p95Ms: ms(took, 0.95) }
}

async function times(count: number, run: () => Promise<unknown>, before?: () => Promise<void>): Promise<number[]> {
  const took: number[] = []
  const ends = performance.now() + patienceMs
  for (let turn = 0; turn < count && (turn < timesMin || performance.now() < ends); turn++) {
    await before?.()
    const began = performance.now()
    await run()
    took.push(performance.now() - began)
  }
  return took
}

/** Makes the engine forget what it holds, and the system what it holds of these files: like the first question of a day. */
async function forget({ writes }: Stores, { directory }: DataSet): Promise<void> {
  for (const cache of ['MARK', 'UNCOMPRESSED', 'PRIMARY INDEX', 'QUERY CONDITION', 'MMAP'])
    await writes.command(raw(`SYSTEM DROP ${cache} CACHE`))
  // Without data, `nocache` is the advice that a whole file is not needed any more: it wants no rights over the machine.
  spawnSync('find', [
    directory,
    '-type',
    'f',
    '-size',
    '+0',
    '-exec',
    'dd',
    'if={}',
    'iflag=nocache',
    'count=0',
    'status=none',
    ';',
  ])
}

const ms = (took: readonly number[], share: number): number => Number(percentile(took, share).toFixed(1))

function report<Row extends object>(row: Row): Row {
  process.stdout.write(`${JSON.stringify(row)}\n`)
  return row
}
