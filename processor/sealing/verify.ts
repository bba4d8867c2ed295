import { QueryTooLarge } from '../../domain/errors.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { Difference, TallyDifference } from '../../domain/verification.ts'
import type { Sql } from '../../domain/sql.ts'
import { hourMs } from '../cohort-marks.ts'
import type { Exclusive } from '../exclusive.ts'
import { dayMs, stepEventsAtOnceMax, type OwnFunnel } from '../facts.ts'
import type { OwnFunnels } from '../own-funnels.ts'
import { pause } from '../retry.ts'
import type { Calendar } from './calendar.ts'
import type { Seal, Seals } from './seals.ts'
import {
  countedTallies,
  countWithin,
  edgeThatDiffers,
  factsThatDiffer,
  journeysWithin,
  lastExpiry,
  longAmong,
  sealedTallies,
  weeksThatDiffer,
  type EdgeRow,
  type FactRow,
  type Hashes,
  type Span,
  type TallyRow,
  type WeekRow,
} from './verifying.ts'

export interface VerifyParts {
  /** That of the batches, which wait meanwhile: so nobody else is on it. */
  readonly store: Store
  readonly seals: Pick<Seals, 'get' | 'current'>
  readonly ownFunnels: OwnFunnels
  readonly exclusive: Exclusive
  readonly clock: Clock
  readonly calendar: Calendar
  readonly trailEventsMax: number
  readonly retentionMs: number
  /** Journeys of the first piece, about; how many the others have follows from how long a piece takes. */
  readonly pieceJourneys: number
}

/** Days of a service's zone, and which of its journeys. */
export interface Stretch {
  readonly service: string
  /** Starts of days that follow one another; the last is where the stretch ends. */
  readonly days: readonly number[]
  /** trails: facts too, against the trails. facts: the tallies of the stretch, against facts. */
  readonly against: 'trails' | 'facts'
}

export interface BadFacts {
  readonly journey: bigint
  readonly arrivedDay: number
  readonly columns: readonly string[]
}

export interface Findings {
  readonly sealed: boolean
  readonly hours: number
  readonly journeys: number
  readonly notJudged: number
  readonly differences: readonly Difference[]
  readonly badFacts: readonly BadFacts[]
  /** Journeys have expired, whose counts are nowhere else than in the tallies. */
  readonly expired: boolean
  /** How long batches waited, ms. */
  readonly busyMs: number
}

const hashesEnd = 2n ** 64n
/** A piece that takes longer is halved, one that takes a quarter of it doubled: batches wait for it. */
const pieceMsMax = 400
/**
 * But not to less than this part of the first one: on a server that is busy or far away every statement takes long, however few the
 * journeys, and pieces that were halved for ever would never come to an end.
 */
const narrowestPart = 16n
const pieceSecondsMax = 1
/** Less is about one journey, of any service. */
const widthMin = 2n ** 24n
const attemptsMax = 30
const attemptWaitMs = 1_000

/**
 * Compares a stretch of days of a service. Its journeys are read by pieces of their hashes, each between two batches: of a piece,
 * everything is of one moment. What a journey becomes between two pieces is noted as unsealed, so the pieces still add up to
 * what the seal says, as long as the same seal stands; when the next comes, the stretch begins anew.
 * @returns null when it never held still
 */
export async function verifyStretch(
  parts: VerifyParts,
  stretch: Stretch,
  signal: AbortSignal,
): Promise<Findings | null> {
  for (let attempt = 0; attempt < attemptsMax && !signal.aborted; attempt += 1) {
    if (attempt > 0) await pause(attemptWaitMs, signal)
    const found = await tryStretch(parts, stretch, signal)
    if (found !== null) return found
  }
  return null
}

/** What is known of a service when a piece of it is read; the same for all pieces of one stretch. */
interface Ground {
  readonly own: OwnFunnel
  readonly seal: Seal | undefined
}

async function groundOf({ seals, ownFunnels }: VerifyParts, service: string): Promise<Ground | null> {
  const own = await ownFunnels(service)
  const seal = seals.get(service)
  if (seal === undefined) return { own, seal }
  const stands =
    seal.version === own.version && seal.timeZone === own.timeZone && seals.current(service, own.version) === seal.seal
  return stands ? { own, seal } : null
}

async function tryStretch(parts: VerifyParts, stretch: Stretch, signal: AbortSignal): Promise<Findings | null> {
  const { exclusive, clock } = parts
  const first = await groundOf(parts, stretch.service)
  if (first === null) return null
  const tallies = new Map<string, Pair>()
  const found = { journeys: 0, notJudged: 0, weeks: [] as WeekRow[], edge: [] as EdgeRow[], facts: [] as FactRow[] }
  let busyMs = 0
  let width = await widthOf(parts, stretch)
  const narrowest = width / narrowestPart > widthMin ? width / narrowestPart : widthMin
  for (let from = 0n; from < hashesEnd && !signal.aborted;) {
    const hashes = { service: stretch.service, from, to: (from + width > hashesEnd ? hashesEnd : from + width) - 1n }
    const piece = await exclusive(async () => {
      const begun = clock.now()
      const ground = await groundOf(parts, stretch.service)
      if (ground === null || ground.own.version !== first.own.version || ground.seal?.seal !== first.seal?.seal)
        return 'moved'
      try {
        if (from === 0n && ground.seal !== undefined) {
          await addSealed(parts, ground.seal, stretch, tallies)
          found.weeks = await weeksOf(parts, ground.seal, stretch)
        }
        const read = await readPiece(parts, { stretch, hashes, ground })
        return { ...read, ms: clock.now() - begun }
      } catch (error) {
        if (!(error instanceof QueryTooLarge) || width <= widthMin) throw error
        return 'too much'
      }
    })
    if (piece === 'moved') return null
    if (piece === 'too much') {
      width /= 2n
      if (from === 0n) tallies.clear()
      continue
    }
    busyMs += piece.ms
    for (const row of piece.tallies) addTally(tallies, row, 'counted')
    found.journeys += piece.journeys
    found.notJudged += piece.notJudged
    found.edge.push(...piece.edge)
    found.facts.push(...piece.facts)
    from = hashes.to + 1n
    if (piece.ms > pieceMsMax) width = width / 2n >= narrowest ? width / 2n : width
    else if (piece.ms * 4 < pieceMsMax) width *= 2n
  }
  if (signal.aborted) return null
  return { ...(await findingsOf(parts, { stretch, tallies, ...found })), sealed: first.seal !== undefined, busyMs }
}

/** Hashes are spread evenly. Reads facts: the times of the service's journeys. */
async function widthOf({ store, pieceJourneys }: VerifyParts, { service, days, against }: Stretch): Promise<bigint> {
  const [row] = await store.select<{ journeys: string }>(countWithin(service, spanOf(days)))
  const journeys = BigInt(Math.max(1, Number(row?.journeys ?? 0)))
  // Counting is quicker than computing anew.
  const each = BigInt(against === 'trails' ? pieceJourneys : pieceJourneys * 20)
  const width = each >= journeys ? hashesEnd : (hashesEnd * each) / journeys
  return width > widthMin ? width : widthMin
}

interface Piece {
  readonly stretch: Stretch
  readonly hashes: Hashes
  readonly ground: Ground
}

async function readPiece(parts: VerifyParts, { stretch, hashes, ground }: Piece) {
  const { calendar, trailEventsMax } = parts
  const { own, seal } = ground
  const span = spanOf(stretch.days)
  const none = { journeys: 0, notJudged: 0, facts: [] as FactRow[] }
  const read = stretch.against === 'trails' ? await readFacts(parts, { hashes, span, own }) : none
  if (seal === undefined) return { ...read, tallies: [], edge: [] }
  const recounted = read.facts.flatMap((row) => (row.recounted === 1 ? [BigInt(row.journey)] : []))
  const state = { hashes, span, own, seal, recounted, trailEventsMax }
  const of = {
    days: calendar.days(seal.timeZone, span.from - dayMs, span.to + dayMs),
    weeks: calendar.weeks(seal.timeZone, span.from - dayMs, span.to + dayMs),
    gapped: own.gapped ? [hashes.service] : [],
  }
  const tallies = await within<TallyRow>(parts, countedTallies(state, of))
  const edge = await within<EdgeRow>(parts, edgeThatDiffers(state))
  return { ...read, tallies: tallies.filter(isIn(stretch)), edge }
}

/** Journeys of these hashes whose facts are not what their trails say. Call it between two batches. */
export async function readFacts(
  parts: VerifyParts,
  { hashes, span, own }: { readonly hashes: Hashes; readonly span: Span; readonly own: OwnFunnel },
): Promise<{ readonly journeys: number; readonly notJudged: number; readonly facts: readonly FactRow[] }> {
  const rows = await within<{ journey: string }>(parts, journeysWithin(hashes, span))
  if (rows.length === 0) return { journeys: 0, notJudged: 0, facts: [] }
  const journeys = rows.map(({ journey }) => BigInt(journey))
  const touched = { service: hashes.service, own, journeys }
  const facts = await within<FactRow>(parts, factsThatDiffer(touched, parts.trailEventsMax))
  const [long] = await within<{ journeys: string }>(parts, longAmong(touched, stepEventsAtOnceMax))
  // The trail goes first when a journey expires; its facts may wait for the next walk.
  const expiredDay = Math.floor((parts.clock.now() - parts.retentionMs) / dayMs)
  const isDue = ({ columns, arrivedDay }: FactRow) => columns.includes('trail') && arrivedDay < expiredDay
  return {
    journeys: journeys.length,
    notJudged: Number(long?.journeys ?? 0),
    facts: facts.filter((row) => !isDue(row)),
  }
}

const within = <Row>({ store }: VerifyParts, statement: Sql): Promise<Row[]> =>
  store.select<Row>(statement, { secondsMax: pieceSecondsMax })

async function addSealed(parts: VerifyParts, seal: Seal, stretch: Stretch, tallies: Map<string, Pair>): Promise<void> {
  const rows = await parts.store.select<TallyRow>(sealedTallies(seal, spanOf(stretch.days)))
  for (const row of rows.filter(isIn(stretch))) addTally(tallies, row, 'sealed')
}

/** Weeks that reach into the stretch and are not the sum of their days, whatever these are. */
function weeksOf({ store, calendar }: VerifyParts, seal: Seal, { days }: Stretch): Promise<WeekRow[]> {
  const weeks = calendar.weeks(seal.timeZone, days[0] ?? 0, (days.at(-1) ?? 0) - 1)
  return store.select<WeekRow>(weeksThatDiffer(seal, weeks))
}

/** Hours belong to the day in which they begin; where a zone's days begin within an hour, to the one before. */
function spanOf(days: readonly number[]): Span {
  return { from: Math.floor((days[0] ?? 0) / hourMs) * hourMs, to: days.at(-1) ?? 0 }
}

function isIn({ days }: Stretch): (row: TallyRow) => boolean {
  const whole = new Set(days.slice(0, -1))
  const last = Math.floor((days.at(-1) ?? 0) / hourMs) * hourMs
  return ({ grain, bucket }) => (grain === 1 ? Number(bucket) < last : grain === 2 && whole.has(Number(bucket)))
}

interface Pair {
  readonly row: TallyRow
  sealed: number
  counted: number
}

function addTally(tallies: Map<string, Pair>, row: TallyRow, what: 'sealed' | 'counted'): void {
  const name = `${row.grain} ${row.bucket} ${row.key} ${row.dimension} ${row.value}`
  let pair = tallies.get(name)
  if (pair === undefined) tallies.set(name, (pair = { row, sealed: 0, counted: 0 }))
  pair[what] += Number(row.number)
}

interface Read {
  readonly stretch: Stretch
  readonly tallies: ReadonlyMap<string, Pair>
  readonly journeys: number
  readonly notJudged: number
  readonly weeks: readonly WeekRow[]
  readonly edge: readonly EdgeRow[]
  readonly facts: readonly FactRow[]
}

async function findingsOf(parts: VerifyParts, read: Read): Promise<Omit<Findings, 'sealed' | 'busyMs'>> {
  const until = await expiredUntil(parts, read.stretch.service)
  const hours = new Set<string>()
  const differing: TallyDifference[] = []
  for (const { row, sealed, counted } of read.tallies.values()) {
    if (row.grain === 1) hours.add(row.bucket)
    const bucket = Number(row.bucket)
    if (sealed === counted || (bucket < until && sealed > counted)) continue
    const { dimension, value, key } = row
    differing.push({
      table: 'rollup',
      dimension,
      value,
      grain: row.grain === 1 ? 'hour' : 'day',
      bucket,
      key,
      sealed,
      counted,
    })
  }
  const edge = read.edge.filter((row) => !(Number(row.start) < until && Number(row.surplus) > 0))
  return {
    hours: hours.size,
    journeys: read.journeys,
    notJudged: read.notJudged,
    differences: [
      ...read.facts.map(({ journey, columns }) => ({ table: 'facts' as const, journey: hexOf(journey), columns })),
      ...differing,
      ...read.weeks.map(({ week, sealed, counted, ...row }) => ({
        table: 'rollup' as const,
        ...row,
        grain: 'week' as const,
        bucket: Number(week),
        sealed: Number(sealed),
        counted: Number(counted),
      })),
      ...edge.map(({ journey, surplus }) => ({
        table: 'edge' as const,
        journey: hexOf(journey),
        surplus: Number(surplus),
      })),
    ],
    badFacts: badFactsOf(read.facts),
    expired: until > 0,
  }
}

export const badFactsOf = (rows: readonly FactRow[]): readonly BadFacts[] =>
  rows.map(({ journey, ...row }) => ({ ...row, journey: BigInt(journey) }))

/**
 * Journeys that started before this may have expired: tallies keep what they were counted as, so that more is in them than
 * there are journeys. A journey expires by the day of its last arrival, and no event arrives two days before it happens.
 */
export async function expiredUntil({ store, retentionMs }: VerifyParts, service: string): Promise<number> {
  const [row] = await store.select<{ revision: string }>(lastExpiry(service))
  const last = Number(row?.revision ?? 0)
  return last === 0 ? 0 : last - retentionMs + 2 * dayMs
}

export const hexOf = (journey: string | bigint): string => BigInt(journey).toString(16).padStart(16, '0')
