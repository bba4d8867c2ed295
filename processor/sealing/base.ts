import { param, sql } from '../../domain/sql.ts'
import { hourMs } from '../cohort-marks.ts'
import type { OwnFunnel } from '../facts.ts'
import { edgeOf, layerOf, noteUnjudged, stateOf, type Chunk, type EdgeOf } from './layers.ts'
import { layerSizes, putTogether, type SealingWork } from './sealer.ts'
import type { Seal } from './seals.ts'

const day = 24 * hourMs
const hashes = 2n ** 64n

/** So many hours of the clock are served by one edge. */
const edgeHours = 26

/**
 * The first seal of a service under its funnel: all its journeys are counted, chunk by chunk. What is written meanwhile is
 * noted against the seal from its first moment on.
 */
export async function buildBase(
  work: SealingWork,
  service: string,
  own: OwnFunnel,
  journeys: number,
  signal: AbortSignal,
): Promise<void> {
  const { store, lease, seals, revisions, exclusive, clock, signals, pace } = work
  const { version, timeZone, windowMs } = own
  const seal = await exclusive(() => {
    const taken = revisions.next()
    seals.turn(service, version, taken)
    return Promise.resolve(taken)
  })
  const begins = await calendarOf(work, service, timeZone)
  const edge = edgeAt(service, clock.now(), windowMs)
  const layers: number[] = []
  let done = 0
  for (const chunk of chunksOf({ service, version, seal }, journeys, pace.chunkJourneys)) {
    if (signal.aborted) return
    const layer = revisions.next()
    await exclusive(async () => {
      await store.command(noteUnjudged(chunk, lease))
      const gapped = own.gapped ? [service] : []
      await store.command(layerOf(stateOf(chunk), { layer, ...begins, gapped }, lease))
      await store.command(edgeOf(stateOf(chunk), layer, [edge], lease))
    })
    layers.push(layer)
    done += Math.min(pace.chunkJourneys, journeys - done)
    work.report({ service, version, journeysDone: done, journeys }, service)
  }
  const sizes = []
  for (const layer of layers) {
    const size = (await layerSizes(store, [{ service }], layer)).get(service)
    if (size !== undefined) sizes.push({ layer, ...size })
  }
  const [data] = await store.select<{ newest: string }>(
    sql`SELECT max(revision) AS newest FROM facts WHERE service = ${param('String', service)} AND revision <= ${param('UInt64', seal)}`,
  )
  const made: Seal = {
    service,
    version,
    timeZone,
    seal,
    dataRevision: Number(data?.newest ?? 0),
    layers:
      sizes.length === 0
        ? layers.slice(0, 1).map((layer) => ({ layer, rows: 0 }))
        : sizes.map(({ layer, rows }) => ({ layer, rows })),
    bucketFrom: Math.min(...sizes.map(({ from }) => from), clock.now()),
    bucketTo: Math.max(...sizes.map(({ to }) => to), 0),
    edgeLayers: layers,
    edgeFrom: edge.startFrom,
    edgeTo: edge.startTo,
  }
  // A PUT may have come meanwhile: then what was counted is of no use.
  if (seals.current(service, version) === seal) {
    await seals.put([made], revisions.next())
    // A chunk has journeys of every day: each layer says nearly as much as all of them together.
    await putTogether(work, service, 'layers')
  }
  work.report(null, service)
  signals.tallied(1)
}

/** A new edge when the clock has come near the end of the old one. The seal stays. */
export async function refreshEdge(work: SealingWork, seal: Seal, own: OwnFunnel, signal: AbortSignal): Promise<void> {
  const { store, lease, seals, revisions, exclusive, clock, pace, garbage } = work
  const now = clock.now() - own.windowMs
  if (own.version !== seal.version || (now >= seal.edgeFrom && now + hourMs < seal.edgeTo)) return
  const [count] = await store.select<{ journeys: string }>(
    sql`SELECT count() AS journeys FROM facts WHERE service = ${param('String', seal.service)}`,
  )
  const edge = edgeAt(seal.service, clock.now(), own.windowMs)
  const layers: number[] = []
  for (const chunk of chunksOf(seal, Number(count?.journeys ?? 0), pace.chunkJourneys)) {
    if (signal.aborted) return
    const layer = revisions.next()
    await exclusive(() => store.command(edgeOf(stateOf(chunk), layer, [edge], lease)))
    layers.push(layer)
  }
  await seals.put([{ ...seal, edgeLayers: layers, edgeFrom: edge.startFrom, edgeTo: edge.startTo }], revisions.next())
  garbage.retire(clock.now(), seal.service, { layers: [], edgeLayers: seal.edgeLayers, before: 0 })
}

function edgeAt(service: string, now: number, windowMs: number): EdgeOf {
  const startFrom = Math.floor((now - windowMs) / hourMs) * hourMs
  return { service, startFrom, startTo: startFrom + edgeHours * hourMs }
}

async function calendarOf({ store, calendar, clock }: SealingWork, service: string, zone: string) {
  const [span] = await store.select<{ first: string; last: string }>(
    sql`SELECT min(firstAt) AS first, max(lastAt) AS last FROM facts WHERE service = ${param('String', service)}`,
  )
  const around = [Number(span?.first ?? 0) - day, Math.max(Number(span?.last ?? 0), clock.now()) + day] as const
  return { days: calendar.days(zone, ...around), weeks: calendar.weeks(zone, ...around) }
}

/** Hashes are spread evenly, so equal stretches of them hold about as many journeys. */
function chunksOf(
  { service, version, seal }: Pick<Chunk, 'service' | 'version' | 'seal'>,
  journeys: number,
  journeysEach: number,
): Chunk[] {
  const count = BigInt(Math.max(1, Math.ceil(journeys / journeysEach)))
  return Array.from({ length: Number(count) }, (_, index) => ({
    service,
    version,
    seal,
    from: (hashes * BigInt(index)) / count,
    to: (hashes * BigInt(index + 1)) / count - 1n,
  }))
}
