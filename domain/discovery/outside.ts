import { wilson } from '../statistics/wilson.ts'
import type { Relations } from './log.ts'
import { kemenyOrder } from './order.ts'
import { shareOf, surroundingsOf, usagesOf } from './usage.ts'

/** A pair that stands the other way round in more than this share of its journeys, and surely, has no order. */
const conflictShare = 0.15
/** Such a name is a step all the same when so many of those who pass it take it: of two such, either may come first. */
const certainUsage = 0.75
/** A page of which so many visits go back to where they came from is a look aside. */
const detourShare = 0.27
/** Where fewer than this share of the journeys go on, and few take it, people do not pass. */
const terminalShare = 0.35

/**
 * Names without a place of their own: opened from anywhere (help, cookies), they stand now before and now after the same
 * steps, and people go back from them to where they were.
 * @returns those that remain, in order, and those that are foreign
 */
export function withoutForeign(
  relations: Relations,
  names: readonly number[],
): { readonly order: number[]; readonly foreign: number[] } {
  const foreign: number[] = []
  let order = kemenyOrder(relations, names)
  for (;;) {
    const usage = usagesOf(relations, order)
    const used = (name: number) => shareOf(usage.get(name) ?? { passed: 0, took: 0 }) ?? 0
    const suspects = order.filter(
      (name) =>
        name !== relations.completed &&
        used(name) < certainUsage &&
        (isDetour(relations, name) ||
          order.some((other) => used(other) >= used(name) && conflicts(relations, name, other))),
    )
    const worst = suspects.sort((a, b) => disorder(relations, order, b) - disorder(relations, order, a))[0]
    if (worst === undefined) return { order, foreign }
    foreign.push(worst)
    order = kemenyOrder(
      relations,
      order.filter((name) => name !== worst),
    )
  }
}

function isDetour(relations: Relations, name: number): boolean {
  return relations.detours(name) > detourShare * relations.count(name)
}

/** Whether the two have both orders. Pages of which people take one or the other meet only where someone changed their mind. */
export function conflicts(relations: Relations, one: number, other: number): boolean {
  if (one === other || !meetOften(relations, one, other)) return false
  const [forward, backward] = [relations.before(one, other), relations.before(other, one)]
  const interval = wilson(Math.min(forward, backward), forward + backward, 1.64)
  return interval !== null && interval.low > conflictShare
}

/** Pages that exclude one another meet in few journeys, of people who went back, and say nothing of their order. */
export function meetOften(relations: Relations, one: number, other: number): boolean {
  return relations.both(one, other) >= 0.35 * Math.min(relations.count(one), relations.count(other))
}

/** Share of the pairs with this name that stand against the order. */
function disorder(relations: Relations, order: readonly number[], name: number): number {
  const place = order.indexOf(name)
  let against = 0
  let all = 0
  for (const [index, other] of order.entries()) {
    if (other === name) continue
    all += relations.before(name, other) + relations.before(other, name)
    against += index < place ? relations.before(name, other) : relations.before(other, name)
  }
  return all === 0 ? 0 : against / all
}

export interface Ends {
  /** Without dead ends and what comes after the end; the completed outcome is not in it. */
  readonly order: readonly number[]
  readonly deadEnds: readonly number[]
  readonly afterEnd: readonly number[]
  /** Whether completed outcomes say where the end is. */
  readonly isKnown: boolean
}

/**
 * Where the funnel ends. Of the pages from which few go on, the end is the one that has most other names before it;
 * completed outcomes, where they are sent, say it better: the last step that most of those who completed have.
 */
export function endsOf(relations: Relations, order: readonly number[]): Ends {
  const surroundings = surroundingsOf(relations, order)
  const usages = usagesOf(relations, order)
  const terminal = new Set(
    order.filter((name) => name !== relations.completed && (surroundings.get(name)?.wentOn ?? 0) < terminalShare),
  )
  // Few go on from a start page either; but nothing comes before it.
  const isDeadEnd = (name: number) =>
    terminal.has(name) &&
    (surroundings.get(name)?.cameFrom ?? 0) >= 0.5 &&
    (shareOf(usages.get(name) ?? { passed: 0, took: 0 }) ?? 0) < 0.5
  const isKnown = order.includes(relations.completed)
  const end = isKnown ? endByOutcome(relations, order) : endByPredecessors(relations, order, terminal)
  const endPlace = order.indexOf(end)
  const afterEnd: number[] = []
  const deadEnds: number[] = []
  for (const [place, name] of order.entries()) {
    if (name === end || name === relations.completed) continue
    if (follows(relations, name, end)) afterEnd.push(name)
    else if (isDeadEnd(name)) deadEnds.push(name)
    else if (place > endPlace) afterEnd.push(name)
  }
  const outside = new Set([...afterEnd, ...deadEnds, relations.completed])
  return { order: order.filter((name) => !outside.has(name)), deadEnds, afterEnd, isKnown }
}

function endByOutcome(relations: Relations, order: readonly number[]): number {
  const { completed } = relations
  const most = order.findLast(
    (name) =>
      name !== completed &&
      relations.both(name, completed) >= 0.5 * relations.count(completed) &&
      relations.before(name, completed) >= relations.before(completed, name),
  )
  return most ?? order.findLast((name) => name !== completed) ?? completed
}

function endByPredecessors(relations: Relations, order: readonly number[], terminal: ReadonlySet<number>): number {
  const predecessors = (name: number) =>
    order.filter((other) => other !== name && follows(relations, name, other, 0)).length
  const candidates = [...terminal].sort(
    (a, b) => predecessors(b) - predecessors(a) || relations.count(b) - relations.count(a),
  )
  let end = candidates[0] ?? order.at(-1) ?? 0
  // A page that few of those see who stood at a page from which few go on comes after the end.
  for (;;) {
    const earlier = candidates.find((name) => name !== end && follows(relations, end, name))
    if (earlier === undefined) return end
    end = earlier
  }
}

/** Most journeys with `later` have `earlier`, and had it before. */
function follows(relations: Relations, later: number, earlier: number, least = 0.5): boolean {
  const both = relations.both(earlier, later)
  return (
    both >= 3 &&
    both >= least * relations.count(later) &&
    relations.before(earlier, later) >= 0.7 * (relations.before(earlier, later) + relations.before(later, earlier))
  )
}
