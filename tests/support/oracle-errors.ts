import { oracleJourneys, type OracleAsk, type OracleJourneyRow } from './oracle.ts'

/** An error as it was sent; empty where it says nothing. */
export interface OracleError {
  readonly journey: string
  readonly at: number
  readonly step: string
  readonly field: string
  readonly code: string
}

export interface OracleErrorRow {
  readonly step: string | null
  readonly position: number | null
  readonly field: string | null
  readonly code: string | null
  readonly events: number
  readonly journeys: readonly OracleJourneyRow[]
  readonly reached: number | null
  readonly oddsRatio: OracleEstimate
}

export interface OracleErrorCode {
  readonly field: string | null
  readonly code: string | null
  readonly events: number
  readonly journeys: readonly OracleJourneyRow[]
  readonly oddsRatio: OracleEstimate
}

export type OracleEstimate = { readonly value: number; readonly low: number; readonly high: number } | null

interface Met {
  readonly error: OracleError
  readonly row: OracleJourneyRow
  readonly step: string | null
  readonly position: number | null
}

/** docs/api.md, "Errors", one journey and one error at a time. */
export function oracleErrors(ask: OracleAsk, errors: readonly OracleError[]) {
  const started = oracleJourneys(ask).filter(({ state }) => state !== 'unstarted' && state !== 'excluded')
  const met = started.flatMap((row) =>
    errors.filter(({ journey }) => journey === row.journey).map((error) => metAt(ask, row, error)),
  )
  const groups = (key: (one: Met) => string) => {
    const keys = [...new Set(met.map(key))]
    return keys.map((wanted) => met.filter((one) => key(one) === wanted))
  }
  return {
    started: started.length,
    events: met.length,
    journeys: new Set(met.map(({ row }) => row)).size,
    rows: groups(({ step, position, error }) => JSON.stringify([step, position, error.field, error.code])).map(
      (group): OracleErrorRow => {
        const { step, position } = first(group)
        return {
          step,
          position,
          ...common(group),
          reached: position === null ? null : started.filter((row) => hasReached(row, position)).length,
          oddsRatio: position === null ? null : oddsRatio([tableOf(started, group, position)]),
        }
      },
    ),
    codes: groups(({ error }) => JSON.stringify([error.field, error.code])).map((group): OracleErrorCode => {
      const positions = [...new Set(group.flatMap(({ position }) => position ?? []))]
      return {
        ...common(group),
        oddsRatio: oddsRatio(
          positions.map((position) =>
            tableOf(
              started,
              group.filter((one) => one.position === position),
              position,
            ),
          ),
        ),
      }
    }),
  }
}

function first(group: readonly Met[]): Met {
  const [one] = group
  if (one === undefined) throw new Error('a group has a member')
  return one
}

function common(group: readonly Met[]) {
  const { error } = first(group)
  return {
    field: error.field || null,
    code: error.code || null,
    events: group.length,
    journeys: [...new Set(group.map(({ row }) => row))],
  }
}

function hasReached({ verdict }: OracleJourneyRow, position: number): boolean {
  return verdict.entered.toString(2).padStart(64, '0').at(-position) === '1'
}

function metAt({ funnel }: OracleAsk, row: OracleJourneyRow, error: OracleError): Met {
  const reached = funnel.positions.map((_, index) => index + 1).filter((position) => hasReached(row, position))
  const byThen = reached.filter((_, index) => (row.verdict.times[index] ?? Infinity) <= error.at)
  const called = (position: number) => funnel.positions[position - 1]?.names.includes(error.step) === true
  const isOfFunnel = funnel.order !== 'any' && funnel.positions.some(({ names }) => names.includes(error.step))
  const position = isOfFunnel
    ? (byThen.findLast(called) ?? reached.find(called) ?? null)
    : (byThen[byThen.length - 1] ?? null)
  const shown = position === null || funnel.order === 'any' ? null : (funnel.positions[position - 1]?.names[0] ?? null)
  return { error, row, position, step: error.step === '' ? shown : error.step }
}

/** Did not complete and met it; completed and met it; the same of the others. */
type Table = readonly [number, number, number, number]

function tableOf(started: readonly OracleJourneyRow[], group: readonly Met[], position: number): Table {
  const exposed = new Set(group.map(({ row }) => row))
  const all = started.filter((row) => row.elapsed && hasReached(row, position))
  const count = (met: boolean, completed: boolean) =>
    all.filter((row) => exposed.has(row) === met && (row.state === 'completed') === completed).length
  return [count(true, false), count(true, true), count(false, false), count(false, true)]
}

/** The variance as Phillips and Holland (1987) write what Robins, Breslow and Greenland found. */
export function oddsRatio(tables: readonly Table[]): OracleEstimate {
  const some = tables.filter((table) => table.some((count) => count > 0))
  const total = (of: (a: number, b: number, c: number, d: number, n: number) => number) =>
    some.reduce((sum, [a, b, c, d]) => sum + of(a, b, c, d, a + b + c + d), 0)
  const up = total((a, _b, _c, d, n) => (a * d) / n)
  const down = total((_a, b, c, _d, n) => (b * c) / n)
  if (up === 0 || down === 0) return null
  const value = up / down
  const variance =
    total((a, b, c, d, n) => ((a * d + value * b * c) * (a + d + value * (b + c))) / (2 * n * n)) / up ** 2
  const half = 1.959963984540054 * Math.sqrt(variance)
  return { value, low: Math.exp(Math.log(value) - half), high: Math.exp(Math.log(value) + half) }
}
