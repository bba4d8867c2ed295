import { expect } from 'vitest'
import { normaliseFunnel } from '../../../domain/service.ts'
import { funnelAnswer, journeysAnswer, trendAnswer, type TrendAnswer } from '../../../queries/answers.ts'
import { agreed, expectSteps, expectTotals, expectTrend } from '../agreeing-answers.ts'
import { until } from '../apart.ts'
import { oracleFunnelAnswer, oracleJourneys, oracleTrend, type OracleJourney } from '../oracle.ts'
import { adminSecret } from '../server.ts'
import { steps, windowMs } from './load.ts'
import { keyOf, type SentEvents } from './sent.ts'

export const headers = { authorization: `Bearer ${adminSecret}`, 'content-type': 'application/json' }

/** Where the answers and the tables are. */
export interface Answers {
  /** Of the API. */
  readonly url: string
  /** Of ClickHouse. */
  readonly clickHouse: string
  readonly database: string
}

/** What need not be in the trail though it was acknowledged. */
export interface Excused {
  /** Events that retention deleted before they were handled, which are counted elsewhere. */
  readonly gone?: ReadonlySet<string>
}

export interface Stored {
  /** By what tells events from one another. */
  readonly keys: ReadonlySet<string>
}

const shownMsMax = 120_000

/** Resolves when the status says that every event that was acknowledged before the call is in every answer. @returns seconds */
export async function shown({ url }: Pick<Answers, 'url'>): Promise<number> {
  const begun = Date.now()
  let last = ''
  await until(async () => {
    if (Date.now() - begun > shownMsMax) return true
    const response = await fetch(`${url}/v1/status`, { headers })
    last = await response.text()
    return response.status === 200 && (JSON.parse(last) as { pendingEvents: number }).pendingEvents === 0
  })
  if (Date.now() - begun > shownMsMax) throw new Error(`not shown after ${shownMsMax / 1000} s: ${last}`)
  return (Date.now() - begun) / 1000
}

/**
 * Row by row: each event that was acknowledged is once in the trail of its journey, as it was sent; nothing is there that
 * was not sent; and each is once in every count. Counts of the API are compared with an oracle over the rows of the trail.
 * To be called when the status has said that nothing is pending: nothing is waited for.
 */
export async function reconcile(answers: Answers, sent: SentEvents, { gone }: Excused = {}): Promise<Stored> {
  const keys = new Set<string>()
  for (const service of sent.services) {
    const rows = await trailOf(answers, service)
    expectAsSent(service, rows, sent, gone ?? new Set(), keys)
    await expectFacts(answers, service, rows)
    await expectAnswers(answers, service, rows)
    await expectVerified(answers, service, new Set(rows.map(({ journey }) => journey)).size)
  }
  return { keys }
}

interface Row {
  readonly journey: string
  readonly identity: string
  readonly at: number
  readonly type: 'step' | 'outcome' | 'error'
  readonly step: string
  readonly seq: number
  readonly outcome: OracleJourney['events'][number]['outcome']
  readonly field: string
  readonly code: string
}

/** As a server gives it to whoever asks, past the product. */
export async function select<Found>({ clickHouse, database }: Answers, query: string): Promise<readonly Found[]> {
  const settings = 'output_format_json_quote_64bit_integers=0&wait_end_of_query=1'
  const response = await fetch(`${clickHouse}/?database=${database}&default_format=JSONEachRow&${settings}`, {
    method: 'POST',
    body: query,
  })
  const text = await response.text()
  if (response.status !== 200) throw new Error(text)
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Found)
}

const journeyText = `lower(leftPad(hex(journey), 16, '0')) AS journeyText`

async function trailOf(answers: Answers, service: string): Promise<readonly Row[]> {
  const rows = await select<Row & { readonly journeyText: string }>(
    answers,
    `SELECT ${journeyText}, toString(identity) AS identity, at, type, step, seq, outcome, field, code
     FROM trail FINAL WHERE service = '${service}'`,
  )
  return rows.map(({ journeyText: journey, ...row }) => ({ ...row, journey }))
}

function expectAsSent(
  service: string,
  rows: readonly Row[],
  sent: SentEvents,
  gone: ReadonlySet<string>,
  keys: Set<string>,
): void {
  const notSent: string[] = []
  const twice: string[] = []
  const different: unknown[] = []
  for (const row of rows) {
    const key = keyOf(service, row.journey, row.identity)
    const event = sent.all.get(key)
    if (event === undefined) notSent.push(key)
    else if (
      Math.abs(event.at - row.at) > event.atWithinMs ||
      event.type !== row.type ||
      (event.step ?? '') !== row.step ||
      event.seq !== row.seq ||
      (event.outcome ?? '') !== row.outcome ||
      (event.field ?? '') !== row.field ||
      (event.code ?? '') !== row.code
    )
      different.push({ row, event })
    if (keys.has(key)) twice.push(key)
    keys.add(key)
  }
  const lost = [...sent.all].flatMap(([key, event]) =>
    event.service === service && event.acknowledged && !keys.has(key) && !gone.has(key) ? [key] : [],
  )
  expect(cut(notSent), 'stored ⊆ sent').toEqual([])
  expect(cut(twice), 'each event once').toEqual([])
  expect(cut(different), 'as it was sent').toEqual([])
  expect(cut(lost), 'acknowledged ⊆ stored').toEqual([])
}

/** A failure of thousands is told by some of them. */
const cut = <Item>(items: readonly Item[]): readonly Item[] =>
  items.length > 5 ? [...items.slice(0, 5), items.length as Item] : items

async function expectFacts(answers: Answers, service: string, rows: readonly Row[]): Promise<void> {
  const facts = await select<{ journeyText: string; events: number }>(
    answers,
    `SELECT ${journeyText}, events FROM facts FINAL WHERE service = '${service}'`,
  )
  const events = new Map<string, number>()
  for (const { journey } of rows) events.set(journey, (events.get(journey) ?? 0) + 1)
  expect(facts.length, 'one row of facts a journey').toBe(new Set(facts.map((row) => row.journeyText)).size)
  const different = facts.filter((row) => row.events !== events.get(row.journeyText))
  expect(cut(different), 'each event once in its facts').toEqual([])
  expect(facts.length, 'facts of each journey').toBe(events.size)
}

const dayMs = 86_400_000

async function expectAnswers(answers: Answers, service: string, rows: readonly Row[]): Promise<void> {
  const journeys = new Map<string, OracleJourney['events'][number][]>()
  for (const { journey, type, step, at, seq, outcome } of rows) {
    const events = journeys.get(journey) ?? []
    journeys.set(journey, events)
    events.push({ type, step, at, seq, outcome })
  }
  const now = Date.now()
  const from = Math.floor(now / dayMs) * dayMs - 6 * dayMs
  const to = from + 7 * dayMs
  const ask = {
    funnel: normaliseFunnel(funnel),
    journeys: Array.from(journeys, ([journey, events]) => ({ journey, events })),
    from,
    to,
    now,
  }
  const period = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}&tz=UTC`
  const get = async (call: string): Promise<unknown> => {
    const response = await fetch(`${answers.url}/v1/services/${service}/${call}`, { headers })
    expect(response.status).toBe(200)
    return response.json()
  }
  const expected = oracleFunnelAnswer(ask)
  expect(expected.totals.started, 'something to count').toBeGreaterThan(0)
  const whole = funnelAnswer.parse(await get(`funnel?${period}`))
  expectTotals(whole.totals, expected.totals)
  expectSteps(whole.steps, expected, null)
  for (const interval of ['day', 'hour'] as const)
    expectTrend(
      settled(trendAnswer.parse(await get(`trend?${period}&interval=${interval}`))),
      oracleTrend(ask, interval, 'UTC'),
    )
  const listed: unknown[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const more = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page = journeysAnswer.parse(await get(`journeys?${period}&limit=1000${more}`))
    listed.push(...page.journeys.map(({ journey, start, state, position }) => ({ journey, start, state, position })))
    cursor = page.cursor
  }
  const rowsOfOracle = oracleJourneys(ask).map(({ journey, start, state, position }) => ({
    journey,
    start: start === null ? null : new Date(start).toISOString(),
    state,
    position: position === 0 ? null : position,
  }))
  expect(listed.length).toBe(rowsOfOracle.length)
  expect(cut(listed.filter((row, index) => JSON.stringify(row) !== JSON.stringify(rowsOfOracle[index])))).toEqual([])
  agreed(listed.length)
}

/** Events that come late revise hours that were complete: what is counted of them is the same. */
const settled = (answer: TrendAnswer): TrendAnswer => ({
  ...answer,
  periods: answer.periods.map((period) => (period.state === 'revised' ? { ...period, state: 'complete' } : period)),
})

/** What each service that is loaded is put with. */
export const funnel = { steps: [...steps], window: `PT${windowMs / 3_600_000}H` }

/** A processor that takes over, or is about to, refuses for a moment. */
const verifyTries = 10

async function expectVerified({ url }: Answers, service: string, journeys: number): Promise<void> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(`${url}/v1/doctor/verify?service=${service}`, { headers })
    const text = await response.text()
    if (response.status === 503 && tries < verifyTries) {
      await new Promise((resolve) => setTimeout(resolve, 2_000))
      continue
    }
    expect(response.status, text).toBe(200)
    expect(JSON.parse(text), 'waymark doctor --verify').toMatchObject({
      services: [{ service, journeys, daysUnsettled: 0, differences: 0 }],
    })
    return
  }
}
