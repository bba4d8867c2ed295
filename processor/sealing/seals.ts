import type { Lease } from '../../domain/ports/lease.ts'
import type { Store } from '../../domain/ports/store.ts'
import { sql } from '../../domain/sql.ts'
import { isSealed, tallyLayout } from '../../domain/tally/layout.ts'
import { insertHeld, type TypedColumns } from '../insert-held.ts'

/** What stands for a service's sealed tallies: table seals. Times in ms. */
export interface Seal {
  readonly service: string
  /** Of the funnel that was counted. */
  readonly version: number
  /** Whose days the tallies by day are of. */
  readonly timeZone: string
  /** The tallies are of the facts as they stood at this revision; table unsealed has what came since. */
  readonly seal: number
  /** The highest revision of facts among what was counted. */
  readonly dataRevision: number
  readonly layers: readonly Layer[]
  /** Cohort hours that hold anything lie from the first (inclusive) to before the second. */
  readonly bucketFrom: number
  readonly bucketTo: number
  readonly edgeLayers: readonly number[]
  /** The edge has every journey whose window passes, by the clock, from the first (inclusive) to before the second. */
  readonly edgeFrom: number
  readonly edgeTo: number
}

export interface Layer {
  readonly layer: number
  readonly rows: number
}

/** The seals as they stand, and against which of them a journey's facts are written. */
export interface Seals {
  /** Reads what stands. Call it once, before the others. */
  start(): Promise<void>
  get(service: string): Seal | undefined
  all(): readonly Seal[]
  /**
   * The seal that a writing of facts at this version of the funnel is noted against; undefined when the service is not
   * sealed under it, so that nothing need be noted.
   */
  current(service: string, version: number): number | undefined
  /** From now on writings are noted against this seal. Not while facts are being written. */
  turn(service: string, version: number, seal: number): void
  /** Makes seals stand: all of them or none. @throws {LeaseLost} none of them may stand */
  put(seals: readonly Seal[], revision: number): Promise<void>
  /** The service is not sealed any more. */
  drop(service: string, revision: number): Promise<void>
}

const columns: TypedColumns = [
  ['service', 'String'],
  ['revision', 'UInt64'],
  ['version', 'UInt32'],
  ['timeZone', 'String'],
  ['seal', 'UInt64'],
  ['dataRevision', 'UInt64'],
  ['layers', 'Array(UInt64)'],
  ['layerRows', 'Array(UInt64)'],
  ['bucketFrom', 'Int64'],
  ['bucketTo', 'Int64'],
  ['edgeLayers', 'Array(UInt64)'],
  ['edgeFrom', 'Int64'],
  ['edgeTo', 'Int64'],
  ['layout', 'UInt8'],
]

interface Row {
  readonly service: string
  readonly version: number
  readonly timeZone: string
  readonly seal: string
  readonly dataRevision: string
  readonly layers: readonly string[]
  readonly layerRows: readonly string[]
  readonly bucketFrom: string
  readonly bucketTo: string
  readonly edgeLayers: readonly string[]
  readonly edgeFrom: string
  readonly edgeTo: string
}

export function createSeals(store: Store, lease: Pick<Lease, 'held' | 'check'>): Seals {
  const standing = new Map<string, Seal>()
  const turned = new Map<string, { readonly version: number; readonly seal: number }>()
  const write = async (seals: readonly Seal[], revision: number) => {
    const rows = seals.map((seal) => [
      seal.service,
      revision,
      seal.version,
      seal.timeZone,
      seal.seal,
      seal.dataRevision,
      seal.layers.map(({ layer }) => layer),
      seal.layers.map(({ rows }) => rows),
      seal.bucketFrom,
      seal.bucketTo,
      seal.edgeLayers,
      seal.edgeFrom,
      seal.edgeTo,
      tallyLayout,
    ])
    await store.command(insertHeld('seals', columns, rows, lease))
    // What another program's seals name must not be taken for garbage.
    await lease.check()
  }

  return {
    async start() {
      const rows = await store.select<Row>(sql`SELECT * EXCEPT (revision) FROM seals FINAL WHERE ${isSealed}`)
      const noted = await store.select<{ service: string; seal: string }>(
        sql`SELECT service, max(seal) AS seal FROM unsealed GROUP BY service`,
      )
      const latest = new Map(noted.map(({ service, seal }) => [service, Number(seal)]))
      for (const row of rows) {
        const seal = read(row)
        standing.set(seal.service, seal)
        turned.set(seal.service, {
          version: seal.version,
          seal: Math.max(seal.seal, latest.get(seal.service) ?? 0),
        })
      }
    },
    get: (service) => standing.get(service),
    all: () => [...standing.values()],
    current(service, version) {
      const now = turned.get(service)
      return now?.version === version ? now.seal : undefined
    },
    turn(service, version, seal) {
      turned.set(service, { version, seal })
    },
    async put(seals, revision) {
      if (seals.length === 0) return
      await write(seals, revision)
      for (const seal of seals) standing.set(seal.service, seal)
    },
    async drop(service, revision) {
      turned.delete(service)
      const seal = standing.get(service)
      if (seal === undefined) return
      await write([{ ...seal, layers: [], edgeLayers: [] }], revision)
      standing.delete(service)
    },
  }
}

function read(row: Row): Seal {
  return {
    service: row.service,
    version: row.version,
    timeZone: row.timeZone,
    seal: Number(row.seal),
    dataRevision: Number(row.dataRevision),
    layers: row.layers.map((layer, index) => ({ layer: Number(layer), rows: Number(row.layerRows[index] ?? 0) })),
    bucketFrom: Number(row.bucketFrom),
    bucketTo: Number(row.bucketTo),
    edgeLayers: row.edgeLayers.map(Number),
    edgeFrom: Number(row.edgeFrom),
    edgeTo: Number(row.edgeTo),
  }
}
