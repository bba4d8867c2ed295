import type { Verdict } from '../../domain/funnel/verdict.ts'
import type { Funnel } from '../../domain/service.ts'

/** An event of a small trail: a step, or an outcome (1 already-done, 2 completed, 3 failed, 4 ineligible). */
export interface SmallEvent {
  readonly at: number
  readonly seq: number
  readonly step: string
  readonly outcome: number
}

interface Taken {
  readonly position: number
  readonly event: SmallEvent
}

const key = (event: SmallEvent) => event.at * 1_000 + event.seq

/**
 * Every verdict that the rules allow for a trail of at most some ten events: where the rules leave equal runs,
 * one for each. All assignments of events to positions are tried, and each rule is a filter on whole runs.
 */
export function allowedVerdicts(funnel: Funnel, events: readonly SmallEvent[]): Verdict[] {
  const steps = events.filter(({ outcome }) => outcome === 0)
  const fitting = steps.filter(({ step }) =>
    (funnel.order === 'any' ? funnel.positions : funnel.positions.slice(0, 1)).some(({ names }) =>
      names.includes(step),
    ),
  )
  const starts = fitting.sort((a, b) => key(a) - key(b))
  const [first] = starts
  const nothing = { depth: 0, entered: 0n, times: [], completed: 0, failed: 0, completionMs: -1 } as const
  if (first === undefined) return [{ start: 0, latestStart: 0, excluded: 0, ...nothing }]
  const latestStart = starts.at(-1)?.at ?? 0
  const runs = assignments(funnel, steps).filter((run) => allowed(funnel, steps, run))
  const isHit = (run: readonly Taken[]) =>
    funnel.order === 'any' ? wiped(funnel, steps, run) : excluded(funnel, steps, run)
  const depthOf = (run: readonly Taken[]) => (funnel.order === 'any' ? run.length : (run.at(-1)?.position ?? 0))
  const counting = funnel.order === 'any' ? runs.filter((run) => !isHit(run)) : runs
  const depth = Math.max(0, ...counting.map(depthOf))
  const clean = counting.filter((run) => depthOf(run) === depth && !isHit(run))
  const ranks = clean.map((run) => {
    const keys = run.map(({ event }) => key(event))
    return [keys.at(-1) ?? 0, -run.length, -(keys[0] ?? 0), ...keys]
  })
  const best = ranks.reduce<number[] | undefined>(
    (least, rank) => (least && compare(least, rank) <= 0 ? least : rank),
    undefined,
  )
  if (best === undefined) return [{ start: first.at, latestStart, excluded: 1, ...nothing }]
  return clean
    .filter((_, index) => compare(ranks[index] ?? [], best) === 0)
    .map((run) => ({
      start: first.at,
      latestStart,
      excluded: 0,
      depth,
      entered:
        funnel.order === 'any'
          ? (1n << BigInt(depth)) - 1n
          : run.reduce((mask, { position }) => mask | (1n << BigInt(position - 1)), 0n),
      times: run.map(({ event }) => event.at),
      ...ending(funnel, events, starts, run, depth),
    }))
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0
    if (value !== other) return value - other
  }
  return 0
}

/** Each way to give different events to some positions; listed by position (`any`: by time). */
function assignments(funnel: Funnel, steps: readonly SmallEvent[]): Taken[][] {
  let partial: Taken[][] = [[]]
  for (const [index, { names }] of funnel.positions.entries()) {
    const more = partial.flatMap((run) =>
      steps
        .filter((event) => names.includes(event.step) && !run.some((taken) => taken.event === event))
        .filter((event) => funnel.order === 'any' || run.every((taken) => key(taken.event) <= key(event)))
        .map((event) => [...run, { position: index + 1, event }]),
    )
    partial = [...partial, ...more]
  }
  if (funnel.order === 'any') partial = partial.map((run) => [...run].sort((a, b) => key(a.event) - key(b.event)))
  return partial.filter((run) => run.length > 0)
}

function allowed(funnel: Funnel, steps: readonly SmallEvent[], run: readonly Taken[]): boolean {
  const start = run[0]?.event.at ?? 0
  if (run.some(({ event }) => event.at - start > funnel.windowMs)) return false
  if (funnel.order === 'any') return true
  const deepest = run.at(-1)?.position ?? 0
  const skipped = funnel.positions
    .slice(0, deepest)
    .filter((_, index) => !run.some(({ position }) => position === index + 1))
  if (skipped.some(({ optional }) => !optional)) return false
  return run.every((taken, index) => {
    const before = run[index - 1]
    if (before === undefined) return true
    const within = funnel.positions[taken.position - 1]?.withinMs ?? null
    if (within !== null && taken.event.at - before.event.at > within) return false
    if (funnel.order !== 'strict') return true
    const repeats = funnel.positions[before.position - 1]?.names ?? []
    return !steps.some(
      (event) => key(event) > key(before.event) && key(event) < key(taken.event) && !repeats.includes(event.step),
    )
  })
}

function excluded(funnel: Funnel, steps: readonly SmallEvent[], run: readonly Taken[]): boolean {
  const deepest = run.at(-1)?.position ?? 0
  return funnel.exclusions.some(({ step, after, before }) => {
    if (deepest < after) return false
    const from = run.filter(({ position }) => position <= after).at(-1)
    const to = run.find(({ position }) => position >= before)
    return steps.some(
      (event) =>
        event.step === step &&
        from !== undefined &&
        key(event) > key(from.event) &&
        (to === undefined ? event.at - (run[0]?.event.at ?? 0) <= funnel.windowMs : key(event) < key(to.event)),
    )
  })
}

function wiped(funnel: Funnel, steps: readonly SmallEvent[], run: readonly Taken[]): boolean {
  const first = run[0]?.event
  const last = run.at(-1)?.event
  if (first === undefined || last === undefined) return false
  const complete = run.length === funnel.positions.length
  return steps.some(
    (event) =>
      funnel.exclusions.some(({ step }) => step === event.step) &&
      key(event) > key(first) &&
      event.at - first.at <= funnel.windowMs &&
      !(complete && key(last) <= key(event)),
  )
}

function ending(
  funnel: Funnel,
  events: readonly SmallEvent[],
  starts: readonly SmallEvent[],
  run: readonly Taken[],
  depth: number,
): Pick<Verdict, 'completed' | 'failed' | 'completionMs'> {
  if (depth === funnel.positions.length)
    return { completed: 1, failed: 0, completionMs: (run.at(-1)?.event.at ?? 0) - (run[0]?.event.at ?? 0) }
  const placed = events
    .filter(({ outcome }) => outcome !== 0)
    .sort((a, b) => key(a) - key(b))
    .flatMap((event) => {
      const start = starts.filter((other) => key(other) <= key(event)).at(-1)
      return start !== undefined && event.at - start.at <= funnel.windowMs ? [{ event, start }] : []
    })
  const completing = placed.find(({ event }) => event.outcome !== 3)
  if (completing) return { completed: 1, failed: 0, completionMs: completing.event.at - completing.start.at }
  const dead = placed.some(
    ({ event }) => event.outcome === 3 && !events.some((later) => later.outcome === 0 && key(later) > key(event)),
  )
  return { completed: 0, failed: dead ? 1 : 0, completionMs: -1 }
}
