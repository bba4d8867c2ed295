import type { Lease } from '../../domain/ports/lease.ts'
import type { Store } from '../../domain/ports/store.ts'
import { param, raw, sql, type Sql } from '../../domain/sql.ts'
import { countedColumns } from '../../domain/tally/unsealed.ts'
import { whereTouched, type TouchedService } from '../facts.ts'
import type { RecentJourneys } from '../recent-journeys.ts'
import type { Seals } from './seals.ts'

/**
 * Notes in table unsealed what the facts of sealed services become, so that answers need not wait for the next seal.
 * Both may run again: the first past of a journey stands, and its latest present.
 */
export interface Unsealed {
  /** Keeps these journeys as the seal counted them. Before their facts are written. */
  before(touched: readonly TouchedService[]): Promise<void>
  /** Adds what has been written of them since a revision. */
  after(touched: readonly TouchedService[], since: number): Promise<void>
  /** Of journeys whose facts are removed: they count no more. */
  gone(touched: readonly TouchedService[], revision: number): Promise<void>
}

const columns = raw(
  ['service', 'seal', 'journey', 'present', 'revision', 'version', 'gone', ...countedColumns].join(', '),
)
const counted = raw(countedColumns.join(', '))

export interface UnsealedParts {
  readonly store: Store
  readonly lease: Pick<Lease, 'held'>
  readonly seals: Pick<Seals, 'current'>
  readonly recent: Pick<RecentJourneys, 'isNew' | 'isNoted' | 'note'>
  /** Told of all services whose facts are about to be written. */
  readonly onWritten: (services: readonly string[]) => void
}

export function createUnsealed({ store, lease, seals, recent, onWritten }: UnsealedParts): Unsealed {
  const sealed = (touched: readonly TouchedService[]): readonly Sealed[] =>
    touched.flatMap((one) => {
      const seal = seals.current(one.service, one.own.version)
      return seal === undefined ? [] : [{ ...one, seal }]
    })
  return {
    async before(touched) {
      onWritten(touched.map(({ service }) => service))
      const noted = sealed(touched)
      const unnoted = noted.flatMap((one) => {
        const { service, seal } = one
        const journeys = one.journeys.filter(
          (journey) => !recent.isNoted(service, journey, seal) && !recent.isNew(service, journey),
        )
        return journeys.length === 0 ? [] : [{ ...one, journeys }]
      })
      if (unnoted.length > 0) await store.command(keepPast(unnoted, lease))
      for (const { service, journeys, seal } of noted) recent.note(service, journeys, seal)
    },
    async after(touched, since) {
      const noted = sealed(touched)
      if (noted.length > 0) await store.command(addPresent(noted, since, lease))
    },
    async gone(touched, revision) {
      const noted = sealed(touched)
      if (noted.length > 0) await store.command(addGone(noted, revision, lease))
    },
  }
}

interface Sealed extends TouchedService {
  readonly seal: number
}

const sealOf = (noted: readonly Sealed[]): Sql =>
  sql`transform(service, ${param(
    'Array(String)',
    noted.map(({ service }) => service),
  )}, ${param(
    'Array(UInt64)',
    noted.map(({ seal }) => seal),
  )}, toUInt64(0))`

/**
 * Reads   facts, the rows of these journeys.
 * Cost    a granule of keys a journey and part; of the other columns one where there is a row.
 */
const keepPast = (noted: readonly Sealed[], { held }: Pick<Lease, 'held'>): Sql => sql`
  INSERT INTO unsealed (${columns})
  SELECT service, ${sealOf(noted)} AS seal, journey, 0, bitNot(revision), version, 0, ${counted}
  FROM facts FINAL ${whereTouched(noted)} AND revision <= seal AND ${held}`

/** Reads   facts, what was just written: its index on revision skips the rest. */
const addPresent = (noted: readonly Sealed[], since: number, { held }: Pick<Lease, 'held'>): Sql => sql`
  INSERT INTO unsealed (${columns})
  SELECT service, ${sealOf(noted)}, journey, 1, revision, version, 0, ${counted}
  FROM facts WHERE ${held} AND revision > ${param('UInt64', since)}
    AND service IN ${param(
      'Array(String)',
      noted.map(({ service }) => service),
    )}`

const addGone = (noted: readonly Sealed[], revision: number, { held }: Pick<Lease, 'held'>): Sql => sql`
  INSERT INTO unsealed (${columns})
  SELECT service, ${sealOf(noted)}, journey, 1, ${param('UInt64', revision)}, ${versionOf(noted)}, 1, ${counted}
  FROM facts FINAL ${whereTouched(noted)} AND ${held}`

const versionOf = (noted: readonly Sealed[]): Sql =>
  sql`transform(service, ${param(
    'Array(String)',
    noted.map(({ service }) => service),
  )}, ${param(
    'Array(UInt32)',
    noted.map(({ own }) => own.version),
  )}, toUInt32(0))`
