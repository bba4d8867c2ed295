import { defaultLimits } from '../../domain/limits.ts'
import { param, raw, sql } from '../../domain/sql.ts'
import { factsOf } from '../../processor/facts.ts'
import { createOwnFunnels } from '../../processor/own-funnels.ts'
import type { Questions } from '../../queries/context.ts'
import type { Opened } from './query-data.ts'
import { rawFunnel } from './query-raw.ts'
import { middle } from './query-services.ts'

export interface Check {
  readonly journeys: number
  /** The first few that differ, as the processor has them and as they were made. */
  readonly differences: readonly (readonly [fromTrail: string, made: string])[]
}

const shown =
  raw(`service, journey, at, seq, step, outcomeAt, outcomeSeq, outcome, firstAt, lastAt, events, eventsDropped,
  dimensions, version, verdict`)

/** Facts as they were made, beside those that the processor would make of the same journeys' trails. */
export async function checkFacts({ stores, registry }: Opened, journeysPerService: number): Promise<Check> {
  const ownFunnels = createOwnFunnels(registry)
  let count = 0
  const differences: (readonly [string, string])[] = []
  for (const { id } of await registry.services()) {
    const made = await stores.reads.select<{ journey: string }>(
      sql`SELECT ${shown} FROM facts FINAL WHERE service = ${param('String', id)}
        ORDER BY journey LIMIT ${raw(String(journeysPerService))}`,
    )
    const journeys = made.map(({ journey }) => BigInt(journey))
    const touched = [{ service: id, journeys, own: await ownFunnels(id) }]
    const fromTrail = await stores.reads.select<object>(
      sql`SELECT ${shown} FROM (${factsOf(touched, 1, defaultLimits.trailEventsMax)}) ORDER BY journey`,
    )
    count += made.length
    for (let index = 0; index < Math.max(made.length, fromTrail.length); index++) {
      const pair = [JSON.stringify(fromTrail[index]), JSON.stringify(made[index])] as const
      if (pair[0] !== pair[1] && differences.length < 3) differences.push(pair)
    }
  }
  return { journeys: count, differences }
}

/** Journeys that started and that reached the last step, as we count and as the raw events have it: nearly the same. */
export async function checkRaw(
  { stores, registry }: Opened,
  questions: Questions,
  now: number,
): Promise<{ ours: readonly [started: number, reached: number]; raw: readonly [started: number, reached: number] }> {
  const service = await registry.service(middle)
  if (service === undefined) throw new Error('the data set has no middle service')
  const from = now - 90 * 86_400_000
  const answer = await questions.funnel({
    service,
    from: new Date(from).toISOString(),
    to: new Date(now).toISOString(),
  })
  const levels = await rawFunnel(stores.reads, { service: service.id, funnel: service.funnel, from, to: now })
  const atLeast = (least: number) =>
    levels.reduce((sum, { level, journeys }) => sum + (level >= least ? Number(journeys) : 0), 0)
  const ours = [answer.totals.started, answer.steps.at(-1)?.entered ?? 0] as const
  const scanned = [atLeast(1), atLeast(answer.steps.length)] as const
  for (const [index, count] of ours.entries())
    // A raw event has no order among equals, and its days are whole ones of UTC.
    if (Math.abs(count - (scanned[index] ?? 0)) > 0.03 * count + 5)
      throw new Error(`the raw events say ${scanned.join(' and ')}, we say ${ours.join(' and ')}`)
  return { ours, raw: scanned }
}
