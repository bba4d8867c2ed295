import { QueryTooLarge, StoreRefused } from '../domain/errors.ts'
import { verdictType } from '../domain/funnel/verdict.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { Lease } from '../domain/ports/lease.ts'
import type { Stores } from '../domain/ports/store.ts'
import { param, raw, sql, type Sql } from '../domain/sql.ts'
import type { Cohorts } from './cohorts.ts'
import type { Exclusive } from './exclusive.ts'
import { factsOfFacts, noVerdict, packedArrays, writeFacts, type OwnFunnel } from './facts.ts'
import { createLateQueue, type LateJourneys } from './late-queue.ts'
import type { OwnFunnels } from './own-funnels.ts'
import { pause, untilDone, type Patience } from './retry.ts'
import type { Revisions } from './revision.ts'
import type { Unsealed } from './sealing/unsealed.ts'
import { reasonOf, type SetAside } from './set-aside.ts'
import { createWaking } from './waking.ts'

/**
 * Verdicts that a batch does not wait for: of long journeys, and of services with whose funnels a batch would
 * take too long. Their facts are written by the batch without a verdict, at version 0, so that answers are right
 * at once (they compute it themselves); here it is computed beside the batches, on a lane for reads, and put in
 * between two of them if the facts are still the same.
 *
 * What runs out of time is tried again in halves, behind all others. A journey that does so alone is given up:
 * its facts get an empty verdict of the current version, as if it had never started, so that answers need not
 * compute it, and it is set aside. It is tried again when the funnel changes, or when new events come to it
 * and ten minutes have passed (after a restart, at once). What is not yet judged when the processor stops
 * is found at the next start, as are facts of an older version.
 */
export interface LateVerdicts {
  /** Asks for journeys whose facts are written; those that are judged already cost one look. */
  ask(service: string, journeys: readonly bigint[]): void
  /** Of a journey under this version: new facts of it should have an empty verdict. */
  isGivenUp(service: string, version: number, journey: bigint): boolean
  /** Works on what was asked for until aborted. */
  run(patience: Patience): Promise<void>
  /** How many journeys are still without, the ones under way with them. */
  waiting(): number
}

export interface LateVerdictsParts {
  readonly stores: Pick<Stores, 'reads' | 'writes'>
  readonly lease: Pick<Lease, 'held'>
  readonly ownFunnels: OwnFunnels
  readonly revisions: Revisions
  readonly cohorts: Pick<Cohorts, 'beforeVerdicts'>
  readonly unsealed: Pick<Unsealed, 'before' | 'after'>
  readonly exclusive: Exclusive
  readonly clock: Clock
  readonly putAside: (entries: readonly SetAside[], patience: Patience) => Promise<void>
}

/** The longest trail under the worst funnel known takes 10 s. */
const secondsMax = 5
/** How long a journey that was given up is left alone. */
const givenUpMs = 10 * 60_000
/** Given-up journeys that are remembered; the eldest is forgotten first, and so tried again earlier. */
const givenUpMax = 10_000

export function createLateVerdicts(parts: LateVerdictsParts): LateVerdicts {
  const { ownFunnels, clock } = parts
  const queue = createLateQueue()
  const givenUp = new Map<string, { readonly version: number; readonly until: number }>()
  const keyOf = (service: string, journey: bigint) => `${service} ${journey}`
  let underWay = 0
  const waking = createWaking()

  async function giveUp(own: OwnFunnel, { service, journeys }: LateJourneys, error: Error, patience: Patience) {
    await untilDone('late verdicts', patience, () => writeGivenUp(parts, service, own, journeys))
    const entries: SetAside[] = []
    for (const journey of journeys) {
      const [eldest] = givenUp.keys()
      if (eldest !== undefined && givenUp.size >= givenUpMax) givenUp.delete(eldest)
      givenUp.set(keyOf(service, journey), { version: own.version, until: clock.now() + givenUpMs })
      entries.push({
        reason: `no verdict: ${reasonOf(error)}`,
        bytes: JSON.stringify({ service, journey: journey.toString(16).padStart(16, '0') }),
      })
    }
    await parts.putAside(entries, patience)
  }

  async function judge(late: LateJourneys, patience: Patience): Promise<void> {
    const own = await untilDone('late verdicts', patience, () => ownFunnels(late.service))
    // A service that is gone keeps the facts that it has.
    if (own.version === 0) return
    const begun = clock.now()
    try {
      const judged = await untilDone('late verdicts', patience, () => judgements(parts, late, own))
      await untilDone('late verdicts', patience, () => writeJudged(parts, late.service, own, judged))
    } catch (error) {
      if (!(error instanceof StoreRefused || error instanceof QueryTooLarge)) throw error
      if (late.journeys.length > 1) queue.halve(late)
      else await giveUp(own, late, error, patience)
      // Whoever sends such journeys has half of one core, not all of it.
      await pause(Math.min(clock.now() - begun, secondsMax * 1000), patience.signal)
    }
  }

  return {
    ask(service, journeys) {
      queue.add(service, journeys)
      waking.wake()
    },

    isGivenUp(service, version, journey) {
      const known = givenUp.get(keyOf(service, journey))
      return known?.version === version && clock.now() < known.until
    },

    async run(patience) {
      while (!patience.signal.aborted) {
        const late = queue.take()
        if (late !== undefined) {
          underWay = late.journeys.length
          await judge(late, patience)
          underWay = 0
          continue
        }
        await waking.wait(patience.signal)
      }
    },

    waiting: () => queue.size() + underWay,
  }
}

interface Judgement {
  readonly journey: string
  /** Of the facts that were judged. */
  readonly revision: string
  readonly version: number
  /** The tuple as text. */
  readonly said: string
  /** 0 when it never started. */
  readonly start: string
}

/**
 * Reads   facts, the rows of these journeys that are of another version.
 * Cost    the funnel's, for at most `secondsMax`.
 */
async function judgements(
  { stores }: LateVerdictsParts,
  { service, journeys }: LateJourneys,
  own: OwnFunnel,
): Promise<readonly Judgement[]> {
  return await stores.reads.select<Judgement>(
    sql`SELECT journey, revision, version, toString(verdict) AS said, verdict.start AS start
      FROM (
        SELECT journey, revision, version, ${own.verdict} AS verdict
        FROM (
          SELECT journey, revision, version, ${packedArrays} FROM facts FINAL
          WHERE service = ${param('String', service)} AND journey IN ${param('Array(UInt64)', journeys)}
            AND version != ${param('UInt32', own.version)}
        )
      )`,
    { secondsMax },
  )
}

/** Puts verdicts into facts that are still those that were judged: others are asked for again by who wrote them. */
async function writeJudged(
  { stores, lease, revisions, cohorts, unsealed, exclusive }: LateVerdictsParts,
  service: string,
  own: OwnFunnel,
  judged: readonly Judgement[],
): Promise<void> {
  if (judged.length === 0) return
  const journeys = param(
    'Array(UInt64)',
    judged.map(({ journey }) => BigInt(journey)),
  )
  const read = param(
    'Array(UInt64)',
    judged.map(({ revision }) => BigInt(revision)),
  )
  const said = param(
    'Array(String)',
    judged.map((one) => one.said),
  )
  // Facts of an older version are being rebuilt, which revises nothing.
  const starts = judged.filter(({ version }) => version === 0).map(({ start }) => Number(start))
  await exclusive(async () => {
    await cohorts.beforeVerdicts(
      service,
      own.version,
      starts.filter((start) => start > 0),
    )
    const touched = [{ service, own, journeys: judged.map(({ journey }) => BigInt(journey)) }]
    await unsealed.before(touched)
    const revision = revisions.next()
    await stores.writes.command(
      writeFacts(
        factsOfFacts({
          revision,
          version: own.version,
          verdict: sql`CAST(${said}[indexOf(${journeys}, journey)], ${raw(`'${verdictType}'`)})`,
          where: sql`service = ${param('String', service)} AND journey IN ${journeys}
            AND revision = ${read}[indexOf(${journeys}, journey)]`,
        }),
        lease,
      ),
    )
    await unsealed.after(touched, revision - 1)
  })
}

/** Whatever their facts are by now. */
async function writeGivenUp(
  { stores, lease, revisions, unsealed, exclusive }: LateVerdictsParts,
  service: string,
  own: OwnFunnel,
  journeys: readonly bigint[],
): Promise<void> {
  const where: Sql = sql`service = ${param('String', service)} AND journey IN ${param('Array(UInt64)', journeys)}
    AND version != ${param('UInt32', own.version)}`
  const touched = [{ service, own, journeys }]
  await exclusive(async () => {
    await unsealed.before(touched)
    const revision = revisions.next()
    const facts = factsOfFacts({ revision, version: own.version, verdict: noVerdict, where })
    await stores.writes.command(writeFacts(facts, lease))
    await unsealed.after(touched, revision - 1)
  })
}
