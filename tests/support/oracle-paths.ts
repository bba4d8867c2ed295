import { oracleJourneys, type OracleAsk, type OracleJourneyRow } from './oracle-answer.ts'
import { order } from './oracle-runs.ts'

/**
 * Where journeys go, walked event by event in the way that docs/semantics.md says it, with no count but the sets of
 * journeys that took each way. Shares nothing with the product.
 */
export interface OracleWay {
  /** Two names for a move, one for a step. */
  readonly names: readonly string[]
  readonly journeys: ReadonlySet<string>
  readonly times: number
  readonly completed: number
  readonly lost: number
}

export interface OraclePaths {
  readonly started: number
  readonly seen: number
  readonly entered: number | null
  readonly began: number
  readonly ended: number
  readonly next: readonly OracleWay[]
  readonly previous: readonly OracleWay[]
  readonly loops: readonly OracleWay[]
  readonly edges: readonly OracleWay[]
  readonly stopped: OracleWay | undefined
  readonly nothing: OracleWay | undefined
  readonly insteadNext: readonly OracleWay[]
  readonly insteadLast: readonly OracleWay[]
}

export interface OraclePathsAsk extends OracleAsk {
  readonly step: string | null
  readonly position: number | null
  /** Equal (at, seq): which comes first. */
  readonly tie: (a: string, b: string) => number
}

class Ways {
  readonly #ways = new Map<string, { names: readonly string[]; rows: OracleJourneyRow[] }>()

  add(row: OracleJourneyRow, ...names: readonly string[]): void {
    const key = JSON.stringify(names)
    const way = this.#ways.get(key) ?? { names, rows: [] }
    way.rows.push(row)
    this.#ways.set(key, way)
  }

  all(): OracleWay[] {
    return [...this.#ways.values()].map(({ names, rows }) => {
      const each = new Map(rows.map((row) => [row.journey, row.state]))
      const states = [...each.values()]
      return {
        names,
        journeys: new Set(each.keys()),
        times: rows.length,
        completed: states.filter((state) => state === 'completed').length,
        lost: states.filter((state) => state === 'failed' || state === 'abandoned').length,
      }
    })
  }
}

export function oraclePaths(ask: OraclePathsAsk): OraclePaths {
  const { step, position } = ask
  const started = oracleJourneys(ask).filter(({ state }) => state !== 'unstarted' && state !== 'excluded')
  const lists = { next: new Ways(), previous: new Ways(), loops: new Ways(), edges: new Ways() }
  const ends = { stopped: new Ways(), nothing: new Ways(), insteadNext: new Ways(), insteadLast: new Ways() }
  let [seen, began, ended] = [0, 0, 0]
  for (const row of started) {
    const walk = walkOf(ask, row)
    const names = walk.map((event) => event.step)
    const [first = '', last = ''] = [names[0], names.at(-1)]
    if (step === null ? names.length > 0 : names.includes(step)) seen += 1
    if (step === null || first === step) began += 1
    if (step === null || last === step) ended += 1
    if (step === null) {
      lists.next.add(row, first)
      lists.previous.add(row, last)
    }
    moves(row, names, step, lists)
    if (step !== null) endsOf(ask, row, walk, ends)
  }
  return {
    started: started.length,
    seen,
    entered:
      position === null
        ? null
        : started.filter(({ verdict }) => ((verdict.entered >> BigInt(position - 1)) & 1n) === 1n).length,
    began,
    ended,
    next: lists.next.all(),
    previous: lists.previous.all(),
    loops: lists.loops.all(),
    edges: lists.edges.all(),
    stopped: ends.stopped.all()[0],
    nothing: ends.nothing.all()[0],
    insteadNext: ends.insteadNext.all(),
    insteadLast: ends.insteadLast.all(),
  }
}

function walkOf(ask: OraclePathsAsk, row: OracleJourneyRow) {
  const journey = ask.journeys.find((one) => one.journey === row.journey)
  return (journey?.events ?? [])
    .filter(({ type }) => type === 'step')
    .sort((a, b) => order(a, b) || ask.tie(a.step, b.step))
}

function moves(
  row: OracleJourneyRow,
  names: readonly string[],
  step: string | null,
  { next, previous, loops, edges }: Record<'next' | 'previous' | 'loops' | 'edges', Ways>,
): void {
  /** Steps in the order in which the journey met them. */
  const met: string[] = []
  let before: string | null = null
  for (const name of names) {
    const isBack = before !== null && met.includes(name) && met.indexOf(name) <= met.indexOf(before)
    if (!met.includes(name)) met.push(name)
    if (before !== null) {
      if (isBack && (step === null || step === name || step === before)) loops.add(row, before, name)
      if (name !== before && step === null) edges.add(row, before, name)
      if (name !== before && step === before) next.add(row, name)
      if (name !== before && step === name) previous.add(row, before)
    }
    before = name
  }
}

function endsOf(
  { funnel, step, position }: OraclePathsAsk,
  row: OracleJourneyRow,
  walk: readonly { readonly step: string; readonly at: number }[],
  ends: Record<'stopped' | 'nothing' | 'insteadNext' | 'insteadLast', Ways>,
): void {
  let turn: number
  if (position === null) {
    const isFunnels = (name: string) => funnel.positions.some(({ names }) => names.includes(name))
    turn = walk.findLastIndex((event) => event.step === step)
    if (walk.slice(turn + 1).some((event) => isFunnels(event.step))) return
  } else {
    if (row.position !== position) return
    const reachedAt = row.verdict.times.at(-1)
    const names = funnel.positions[position - 1]?.names ?? []
    turn = walk.findLastIndex((event) => event.at === reachedAt && names.includes(event.step))
  }
  const at = walk[turn]
  if (at === undefined) return
  ends.stopped.add(row)
  const away = walk.slice(turn + 1).find((event) => event.step !== at.step)
  if (away === undefined) {
    ends.nothing.add(row)
    return
  }
  ends.insteadNext.add(row, away.step)
  ends.insteadLast.add(row, walk.at(-1)?.step ?? '')
}
