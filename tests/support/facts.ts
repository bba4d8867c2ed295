import type { Stores } from '../../domain/ports/store.ts'
import type { Service } from '../../domain/service.ts'
import { normaliseFunnel } from '../../domain/service.ts'
import { compileFunnel } from '../../domain/funnel/compile.ts'
import { join, param, raw, sql, type SqlValue } from '../../domain/sql.ts'
import { packed, stepHashes } from './verdicts.ts'
import type { OracleJourney } from './oracle.ts'

/**
 * Facts of journeys, without the processor, with the verdict of the service's own funnel. A journey's dimensions
 * are those of its first event.
 */
export async function insertFacts(
  stores: Stores,
  service: Service,
  journeys: readonly OracleJourney[],
  revision = 1,
): Promise<void> {
  const names = [...new Set(journeys.flatMap(({ events }) => events.map(({ step }) => step)))]
  const hashes = await stepHashes(stores.reads, names)
  const rows = journeys.map(({ journey, events }) => {
    const times = events.map(({ at }) => at)
    return {
      ...packed(events, hashes),
      journey: BigInt(`0x${journey}`),
      firstAt: Math.min(...times),
      lastAt: Math.max(...times),
      events: events.length,
      names: Object.keys(events[0]?.dimensions ?? {}),
      values: Object.values(events[0]?.dimensions ?? {}),
    }
  })
  const column = (type: string, of: (row: (typeof rows)[number]) => SqlValue) => param(`Array(${type})`, rows.map(of))
  const columns = {
    journey: column('UInt64', (row) => row.journey),
    at: column('Array(Int64)', (row) => row.at),
    seq: column('Array(UInt32)', (row) => row.seq),
    step: column('Array(UInt64)', (row) => row.step),
    outcomeAt: column('Array(Int64)', (row) => row.outcomeAt),
    outcomeSeq: column('Array(UInt32)', (row) => row.outcomeSeq),
    outcome: column('Array(UInt8)', (row) => row.outcome),
    firstAt: column('Int64', (row) => row.firstAt),
    lastAt: column('Int64', (row) => row.lastAt),
    events: column('UInt32', (row) => row.events),
    names: column('Array(String)', (row) => row.names),
    values: column('Array(String)', (row) => row.values),
  }
  const named = raw(
    Object.keys(columns)
      .map((name, index) => `row.${index + 1} AS ${name}`)
      .join(', '),
  )
  const { verdict } = compileFunnel(normaliseFunnel(service.funnel))
  await stores.writes.command(sql`
    INSERT INTO facts (service, journey, revision, givenAt, seq, step, outcomeAt, outcomeSeq, outcome, firstAt,
      givenLastAt, events, eventsDropped, dimensions, version, givenVerdict)
    SELECT ${param('String', service.id)}, journey, ${param('UInt64', revision)}, at, seq, step, outcomeAt, outcomeSeq, outcome, firstAt,
      lastAt, events, 0, mapFromArrays(names, values), ${param('UInt32', service.version)}, ${verdict}
    FROM (SELECT ${named} FROM (SELECT arrayJoin(arrayZip(${join(Object.values(columns), ', ')})) AS row))`)
}
