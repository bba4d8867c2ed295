import type { Clock } from '../../domain/ports/clock.ts'
import type { Lease } from '../../domain/ports/lease.ts'
import type { Store } from '../../domain/ports/store.ts'
import { param, raw, sql } from '../../domain/sql.ts'
import { countedColumns } from '../../domain/tally/unsealed.ts'
import { hourMs } from '../cohort-marks.ts'
import type { Exclusive } from '../exclusive.ts'
import type { OwnFunnel } from '../facts.ts'
import type { OwnFunnels } from '../own-funnels.ts'
import type { Revisions } from '../revision.ts'
import type { ProcessorSignals } from '../signals.ts'
import { refreshEdge } from './base.ts'
import type { Calendar } from './calendar.ts'
import { createGarbage, type Garbage } from './garbage.ts'
import { changesOf, edgeOf, layerOf, mergedEdge, mergedLayers, sizesOf, type Turned } from './layers.ts'
import { createNewcomers } from './newcomers.ts'
import type { Seal, Seals } from './seals.ts'

/** How often, and from how much on, the sealer works. Times in ms. */
export interface SealingPace {
  /** Between two looks. */
  readonly intervalMs: number
  /** A service with fewer journeys is answered from its facts, which is as quick. */
  readonly journeysMin: number
  /** So many journeys touched since its seal, or so long since it with any, and a service is sealed anew. */
  readonly touchedDue: number
  readonly ageDueMs: number
  /** More layers than this are put together. */
  readonly layersMax: number
  /** Journeys that are counted in one statement, during which no facts are written. */
  readonly chunkJourneys: number
  /** Layers that stand no more are kept for so long, for the questions that began before. */
  readonly graceMs: number
}

export const defaultPace: SealingPace = {
  intervalMs: 5_000,
  journeysMin: 2_000,
  touchedDue: 20_000,
  ageDueMs: 15 * 60_000,
  layersMax: 6,
  chunkJourneys: 40_000,
  graceMs: 120_000,
}

export interface SealerParts {
  /** A lane of its own: a seal takes seconds, and batches do not wait for it. */
  readonly store: Store
  readonly lease: Pick<Lease, 'held'>
  readonly seals: Seals
  readonly ownFunnels: OwnFunnels
  readonly revisions: Revisions
  readonly exclusive: Exclusive
  readonly clock: Clock
  readonly signals: ProcessorSignals
  readonly calendar: Calendar
  readonly pace: SealingPace
  /** Its facts are being brought to another version: there is nothing yet to count. */
  readonly isRebuilding: (service: string) => boolean
}

/** How far the first seal of a service, or of a new version of its funnel, has come. */
export interface SealingProgress {
  readonly service: string
  readonly version: number
  readonly journeysDone: number
  readonly journeys: number
}

/**
 * Keeps the tallies of services (tables rollups and edge) near the present, so that a question reads hours and days rather than
 * journeys. A tally is a sum of layers: the base, counted from the facts as they stood at a moment, and what changed between
 * that and each later seal. A layer is a pure function of the journeys before and after, is written once under a number of its
 * own, and counts only when a row of table seals names it; so a crash leaves at worst a layer that nobody
 * reads, and nothing is ever added twice.
 */
export interface Sealer {
  /** Reads what stands, notes what a crash may have left out, and removes what nobody reads. Call it once, before the others. */
  start(): Promise<void>
  /** Told of services whose facts were written. */
  touched(services: readonly string[]): void
  /** Does what is due. One at a time. */
  seal(signal: AbortSignal): Promise<void>
  progress(): readonly SealingProgress[]
  /** Whether the tallies have all journeys of the service that were not touched lately; if not, they will soon, however few it has. */
  holds(service: string): boolean
  /** Its tallies are not to be trusted: they are dropped, and made anew from facts. */
  renew(service: string): void
}

const counted = raw(countedColumns.join(', '))

export interface SealingWork extends SealerParts {
  readonly garbage: Garbage
  readonly report: (progress: SealingProgress | null, service: string) => void
}

export function createSealer(parts: SealerParts): Sealer {
  const { store, seals, ownFunnels, clock, pace } = parts
  const progress = new Map<string, SealingProgress>()
  const garbage = createGarbage(store, parts.lease, seals, pace.graceMs)
  const work: SealingWork = {
    ...parts,
    garbage,
    report: (made, service) => (made === null ? progress.delete(service) : progress.set(service, made)),
  }
  const newcomers = createNewcomers(work)
  const doubted = new Set<string>()

  async function heal(): Promise<void> {
    const noted = seals.all().flatMap(({ service, version }) => {
      const seal = seals.current(service, version)
      return seal === undefined ? [] : [{ service, seal }]
    })
    if (noted.length > 0) await store.command(healed(noted, parts.lease))
  }

  async function dropOutdated(): Promise<void> {
    for (const seal of seals.all()) {
      const own = await ownFunnels(seal.service)
      const isDoubted = doubted.delete(seal.service)
      if (own.version === seal.version && own.timeZone === seal.timeZone && !isDoubted) continue
      await seals.drop(seal.service, parts.revisions.next())
      garbage.retire(clock.now(), seal.service, {
        layers: seal.layers.map(({ layer }) => layer),
        edgeLayers: seal.edgeLayers,
        before: Number.MAX_SAFE_INTEGER,
      })
      if (own.version !== 0) newcomers.add([seal.service])
    }
  }

  return {
    async start() {
      await seals.start()
      await heal()
      await garbage.sweep()
      const rows = await store.select<{ service: string }>(sql`SELECT DISTINCT service FROM facts`)
      newcomers.add(rows.map(({ service }) => service))
    },

    touched: (services) => newcomers.add(services),

    async seal(signal) {
      await dropOutdated()
      await newcomers.seal(signal)
      await sealFurther(work)
      for (const seal of seals.all()) {
        if (signal.aborted) return
        await refreshEdge(work, seal, await ownFunnels(seal.service), signal)
        await putTogether(work, seal.service)
      }
      await garbage.collect(clock.now())
    },

    progress: () => [...progress.values()],

    holds: (service) => newcomers.holds(service),

    // Between two seals, never in the middle of one, which would make what it has read stand again.
    renew: (service) => void doubted.add(service),
  }
}

/**
 * What facts say and unsealed does not yet: a crash may have come between the two.
 *
 * Reads   facts, the rows written since the seals: its index on revision skips most others.
 */
const healed = (
  noted: readonly { readonly service: string; readonly seal: number }[],
  { held }: Pick<Lease, 'held'>,
) => {
  const services = param(
    'Array(String)',
    noted.map(({ service }) => service),
  )
  const seal = sql`${param(
    'Array(UInt64)',
    noted.map((one) => one.seal),
  )}[indexOf(${services}, service)]`
  return sql`
  INSERT INTO unsealed (service, seal, journey, present, revision, version, gone, ${counted})
  SELECT service, ${seal}, journey, 1, revision, version, 0, ${counted}
  FROM facts FINAL
  WHERE ${held} AND service IN ${services} AND revision > ${seal}
    AND (service, journey, revision) NOT IN (SELECT service, journey, revision FROM unsealed WHERE present = 1)`
}

/** Seals the services of which enough has changed, all at the same moment. */
async function sealFurther(work: SealingWork): Promise<void> {
  const due = await dueOf(work)
  if (due.length === 0) return
  const { store, lease, seals, revisions, exclusive } = work
  // Nothing is written meanwhile: what was noted against the old seal is complete.
  const to = await exclusive(async () => {
    const next = revisions.next()
    await store.command(carriedOver(due, next, lease))
    for (const { service, version } of due) seals.turn(service, version, next)
    return next
  })
  for (const zone of new Set(due.map(({ timeZone }) => timeZone))) {
    const ofZone = due.filter(({ timeZone }) => timeZone === zone)
    for (const some of pieces(ofZone, work.pace.chunkJourneys)) await sealTogether(work, zone, some, to)
  }
  for (const { service, erased } of due) if (erased) await putTogether(work, service, 'edge')
}

/** Services whose touched journeys are counted in one statement: what it holds in memory is bounded by this, but for a service that has more alone. */
function pieces(due: readonly Due[], journeysMax: number): readonly (readonly Due[])[] {
  const made: Due[][] = []
  let room = 0
  for (const one of due) {
    const last = made.at(-1)
    if (last !== undefined && one.journeys <= room) last.push(one)
    else {
      made.push([one])
      room = journeysMax
    }
    room -= one.journeys
  }
  return made
}

interface Due extends Seal {
  readonly own: OwnFunnel
  /** Touched since the seal; one counts twice if its rows are not merged yet. */
  readonly journeys: number
  /** Some of its journeys are gone since the seal. */
  readonly erased: boolean
  readonly newest: number
  readonly firstAt: number
  readonly lastAt: number
}

async function dueOf({ store, seals, ownFunnels, clock, pace }: SealingWork): Promise<readonly Due[]> {
  const rows = await store.select<{
    service: string
    journeys: string
    gone: string
    newest: string
    firstAt: string
    lastAt: string
  }>(sql`SELECT service, countIf(present = 1) AS journeys, countIf(gone = 1) AS gone, max(if(present = 1, revision, 0)) AS newest,
      min(firstAt) AS firstAt, max(lastAt) AS lastAt
    FROM unsealed WHERE ${since(seals.all())} GROUP BY service HAVING journeys > 0`)
  const due: Due[] = []
  for (const row of rows) {
    const seal = seals.get(row.service)
    if (seal === undefined || Number(row.newest) <= seal.seal) continue
    const old = seal.seal + pace.ageDueMs <= clock.now()
    // What is erased is to leave no row of its own for long.
    if (Number(row.journeys) < pace.touchedDue && !old && Number(row.gone) === 0) continue
    const own = await ownFunnels(row.service)
    if (own.version === seal.version)
      due.push({
        ...seal,
        own,
        journeys: Number(row.journeys),
        erased: Number(row.gone) > 0,
        newest: Number(row.newest),
        firstAt: Number(row.firstAt),
        lastAt: Number(row.lastAt),
      })
  }
  return due
}

/** Noted since the seal that stands: what was noted before may not have been removed yet. */
const since = (standing: readonly Pick<Seal, 'service' | 'seal'>[]) => {
  const services = param(
    'Array(String)',
    standing.map(({ service }) => service),
  )
  return sql`service IN ${services} AND seal >= ${param(
    'Array(UInt64)',
    standing.map(({ seal }) => seal),
  )}[indexOf(${services}, service)]`
}

/** Journeys that wait for their verdict are not counted: their past stays noted, and that they wait. */
const carriedOver = (due: readonly Due[], next: number, { held }: Pick<Lease, 'held'>) => {
  const services = param(
    'Array(String)',
    due.map(({ service }) => service),
  )
  const versions = param(
    'Array(UInt32)',
    due.map(({ version }) => version),
  )
  return sql`
  INSERT INTO unsealed
  SELECT * REPLACE (${param('UInt64', next)} AS seal) FROM unsealed FINAL
  WHERE ${held} AND ${since(due)} AND (service, journey) IN (
    SELECT service, journey FROM unsealed FINAL
    WHERE present = 1 AND ${since(due)} AND version != ${versions}[indexOf(${services}, service)])`
}

async function sealTogether(work: SealingWork, zone: string, due: readonly Due[], to: number): Promise<void> {
  const { store, lease, seals, revisions, garbage, clock, signals, calendar } = work
  const turned: readonly Turned[] = due.map(({ service, version, seal }) => ({ service, version, from: seal, to }))
  const span = [Math.min(...due.map(({ firstAt }) => firstAt)), Math.max(...due.map(({ lastAt }) => lastAt))] as const
  const begins = { days: calendar.days(zone, ...span), weeks: calendar.weeks(zone, ...span) }
  const gapped = due.filter(({ own }) => own.gapped).map(({ service }) => service)
  const changes = changesOf(turned)
  const layer = revisions.next()
  await store.command(layerOf(changes, { layer, ...begins, gapped }, lease))
  const edges = due.map(({ service, edgeFrom, edgeTo }) => ({ service, startFrom: edgeFrom, startTo: edgeTo }))
  await store.command(edgeOf(changes, layer, edges, lease))
  const sizes = await layerSizes(store, turned, layer)
  const next = due.map((seal): Seal => {
    const size = sizes.get(seal.service)
    return {
      service: seal.service,
      version: seal.version,
      timeZone: seal.timeZone,
      seal: to,
      dataRevision: Math.max(seal.dataRevision, seal.newest),
      layers: size === undefined ? seal.layers : [...seal.layers, { layer, rows: size.rows }],
      bucketFrom: Math.min(seal.bucketFrom, size?.from ?? Infinity),
      bucketTo: Math.max(seal.bucketTo, size?.to ?? 0),
      edgeLayers: [...seal.edgeLayers, layer],
      edgeFrom: seal.edgeFrom,
      edgeTo: seal.edgeTo,
    }
  })
  await seals.put(next, revisions.next())
  for (const { service } of due) garbage.retire(clock.now(), service, { layers: [], edgeLayers: [], before: to })
  signals.tallied(due.length)
}

interface Size {
  readonly rows: number
  readonly from: number
  readonly to: number
}

/** By service; those of which nothing changed in the end have none. */
export async function layerSizes(
  store: Store,
  services: readonly { readonly service: string }[],
  layer: number,
): Promise<ReadonlyMap<string, Size>> {
  const rows = await store.select<{ service: string; rows: string; first: string; last: string }>(
    sizesOf(
      services.map(({ service }) => service),
      layer,
    ),
  )
  return new Map(
    rows.map(({ service, rows: count, first, last }) => [
      service,
      { rows: Number(count), from: Number(first), to: Number(last) + hourMs },
    ]),
  )
}

/**
 * Few layers are quick to read: the small ones are put together, and with the largest when they have grown to half of it.
 * @param whole what is to be one layer, however few there are
 */
export async function putTogether(
  work: SealingWork,
  service: string,
  whole: 'layers' | 'edge' | null = null,
): Promise<void> {
  const { store, lease, seals, revisions, garbage, clock, pace } = work
  const seal = seals.get(service)
  if (seal === undefined) return
  let next = seal
  const bySize = [...seal.layers].sort((a, b) => b.rows - a.rows)
  if (bySize.length > (whole === 'layers' ? 1 : pace.layersMax)) {
    const [largest, ...others] = bySize
    const small = others.reduce((sum, { rows }) => sum + rows, 0)
    const kept = whole !== 'layers' && largest !== undefined && small * 2 < largest.rows ? [largest] : []
    const old = bySize.filter((layer) => !kept.includes(layer)).map(({ layer }) => layer)
    const layer = revisions.next()
    for (const [from, to] of stretches(seal))
      await store.command(mergedLayers({ service, layers: old, layer, from, to }, lease))
    const rows = (await layerSizes(store, [{ service }], layer)).get(service)?.rows ?? 0
    next = { ...next, layers: [...kept, { layer, rows }] }
  }
  if (whole === 'edge' || seal.edgeLayers.length > pace.layersMax) {
    const layer = revisions.next()
    await store.command(mergedEdge({ service, startFrom: seal.edgeFrom }, seal.edgeLayers, layer, lease))
    next = { ...next, edgeLayers: [layer] }
  }
  if (next === seal) return
  await seals.put([next], revisions.next())
  const gone = <Value>(before: readonly Value[], after: readonly Value[]) =>
    before.filter((one) => !after.includes(one))
  garbage.retire(clock.now(), service, {
    layers: gone(
      seal.layers.map(({ layer }) => layer),
      next.layers.map(({ layer }) => layer),
    ),
    edgeLayers: gone(seal.edgeLayers, next.edgeLayers),
    before: 0,
  })
}

/** A stretch of buckets is put together at a time, so that it fits into memory whatever the history of a service. */
const stretchMs = 16 * 24 * hourMs

function stretches({ bucketFrom, bucketTo }: Seal): (readonly [from: number, to: number])[] {
  // A week begins before the first hour in it.
  const from = bucketFrom - 9 * 24 * hourMs
  const count = Math.max(1, Math.min(1_000, Math.ceil((bucketTo - from) / stretchMs)))
  const each = Math.ceil((bucketTo - from) / count)
  return Array.from({ length: count }, (_, index) => [from + index * each, from + (index + 1) * each])
}
