import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { defaultLimits } from '../../domain/limits.ts'
import type { EventLog } from '../../domain/ports/event-log.ts'
import type { Store } from '../../domain/ports/store.ts'
import { raw } from '../../domain/sql.ts'
import { openLocalLog } from '../../infra/local-log/open.ts'
import { createProcessor } from '../../processor/processor.ts'
import { createQuestions } from '../../queries/questions.ts'
import { openMemoryAnnotations } from '../support/memory-annotations.ts'
import { journeyHash } from '../support/answering.ts'
import { nothingRemoved, silentSignals } from '../support/processing.ts'
import { watchSealing } from './lane-share.ts'
import { forgetPeakMemory, memoryMb, percentile } from './machine.ts'
import { openDataSet, type DataSet, type Opened } from './query-data.ts'
import { createTraffic, type Traffic } from './query-traffic.ts'
import { benchServices, largest, middle, smallest } from './query-services.ts'
import { bytesByTable } from './storage.ts'

const eventsPerSecond = 10_000
const eventsPerAppend = 10
/** Until batches, merges and caches are as they stay. */
const warmUpMs = 15_000
const measuredMs = 60_000
const dayMs = 86_400_000
const known = 50_000

const clock = { now: () => Date.now() }

/**
 * The funnel of 90 days by device while 10,000 events a second go through the processor, one journey in seven of
 * them one that was there before; then the bytes of an event, after all merges. On a copy: the data set stays as it is.
 */
export async function live(data: DataSet): Promise<object> {
  const directory = join(data.directory, 'live')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(join(directory, 'log'), { recursive: true })
  // Parts never change, so links will do.
  execFileSync('cp', ['-al', join(data.directory, 'clickhouse'), join(directory, 'clickhouse')])
  const opened = await openDataSet(directory, Date.now())
  forgetPeakMemory()
  try {
    const answered = await whileEventsArrive(opened, join(directory, 'log'))
    const bytes = await bytesByTable(opened.stores)
    return { ...answered, ...bytes }
  } finally {
    await opened.stores.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function whileEventsArrive({ stores, registry }: Opened, logDirectory: string): Promise<object> {
  const traffic = createTraffic(benchServices, await journeysKnown(stores.reads))
  const log = await openLocalLog({ directory: logDirectory, limits: defaultLimits, clock })
  const sealing = await watchSealing(stores)
  const work = { events: 0, seconds: 0, trailSeconds: 0, factsSeconds: 0 }
  const processor = createProcessor({
    ...nothingRemoved,
    log,
    stores: sealing.stores,
    registry,
    clock,
    limits: defaultLimits,
    signals: {
      ...silentSignals,
      processed: ({ events, seconds, trailSeconds, factsSeconds }) => {
        work.events += events
        work.seconds += seconds
        work.trailSeconds += trailSeconds
        work.factsSeconds += factsSeconds
      },
    },
  })
  const stop = new AbortController()
  const running = processor.run(stop.signal)
  const until = Date.now() + warmUpMs + measuredMs
  const sent = send(log, traffic, until)
  const questions = createQuestions({
    reads: stores.reads,
    registry,
    clock,
    limits: defaultLimits,
    journeyHash,
    annotations: openMemoryAnnotations({ clock }),
  })
  const took = new Map<string, number[]>([largest, middle, smallest].map((id) => [id, []]))
  const began = Date.now()
  const cpu = process.cpuUsage()
  sealing.begin()
  while (Date.now() < until) {
    for (const [id, list] of took) {
      const service = await registry.service(id)
      if (service === undefined) throw new Error(`the data set has no ${id}`)
      const asked = performance.now()
      await questions.funnel({
        service,
        breakdown: 'device',
        from: new Date(Date.now() - 90 * dayMs).toISOString(),
        to: new Date(Date.now()).toISOString(),
      })
      if (Date.now() - began > warmUpMs) list.push(performance.now() - asked)
    }
  }
  const { user, system } = process.cpuUsage(cpu)
  const result = {
    eventsPerSecondSent: Math.round((await sent) / ((warmUpMs + measuredMs) / 1000)),
    pendingEvents: log.pending().events,
    processedEvents: work.events,
    // Of the time of a batch, with whatever else ran beside it.
    processorUsPerEvent: usPerEvent(work.seconds, work.events),
    trailUsPerEvent: usPerEvent(work.trailSeconds, work.events),
    factsUsPerEvent: usPerEvent(work.factsSeconds, work.events),
    // Processor time of the whole process: questions, the sender and merges too.
    cpuUsPerEvent: usPerEvent((user + system) / 1e6, work.events),
    sealerOfOneCore: sealing.share(),
    cores: Number(((user + system) / 1e6 / ((Date.now() - began) / 1000)).toFixed(2)),
    memoryMb: memoryMb(process.pid),
    rows: [...took].map(([service, list]) => ({
      service,
      asked: list.length,
      p50Ms: list.length === 0 ? null : Math.round(percentile(list, 0.5)),
      p95Ms: list.length === 0 ? null : Math.round(percentile(list, 0.95)),
    })),
  }
  process.stdout.write(`${JSON.stringify({ live: result })}\n`)
  sealing.stop()
  stop.abort()
  await running
  await log.close()
  return result
}

const usPerEvent = (seconds: number, events: number): number | null =>
  events === 0 ? null : Number(((seconds * 1e6) / events).toFixed(1))

/** Journeys of the last days, of each service as many as it is large: those that come back. */
async function journeysKnown(store: Store): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await store.select<{ service: string; journeys: string[] }>(
    raw(`SELECT service, groupArray(lower(leftPad(hex(journey), 16, '0'))) AS journeys FROM (
        SELECT service, journey FROM facts WHERE lastAt > (SELECT max(lastAt) FROM facts) - 6 * ${dayMs}
        ORDER BY cityHash64(journey) LIMIT ${known}
      ) GROUP BY service`),
  )
  return new Map(rows.map(({ service, journeys }) => [service, journeys]))
}

/** At the rate until the time. @returns events that were acknowledged */
async function send(log: EventLog, traffic: Traffic, until: number): Promise<number> {
  const began = performance.now()
  const open = new Set<Promise<void>>()
  let made = 0
  let acknowledged = 0
  while (Date.now() < until) {
    const due = ((performance.now() - began) / 1000) * eventsPerSecond
    for (; made < due; made += eventsPerAppend) {
      const appended = log.append(traffic.next(eventsPerAppend, Date.now())).then(() => {
        acknowledged += eventsPerAppend
        open.delete(appended)
      })
      open.add(appended)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await Promise.all(open)
  return acknowledged
}
