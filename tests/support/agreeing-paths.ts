import { expect } from 'vitest'
import type { PathsAnswer } from '../../queries/answers.ts'
import { agreed } from './agreeing-answers.ts'
import type { oraclePaths, OracleWay } from './oracle-paths.ts'

type Expected = ReturnType<typeof oraclePaths>
type Shown = { names: (string | null)[]; journeys: number; completed: number; lost: number; times?: number }

const byNames = (a: { names: readonly (string | null)[] }, b: { names: readonly (string | null)[] }) =>
  JSON.stringify(a.names) < JSON.stringify(b.names) ? -1 : 1

const counts = (way: OracleWay | undefined) => ({
  journeys: way?.journeys.size ?? 0,
  completed: way?.completed ?? 0,
  lost: way?.lost ?? 0,
})

/** Every list of an answer beside the oracle's. */
function lists(answer: PathsAnswer, expected: Expected) {
  const steps = (rows: PathsAnswer['next']): Shown[] => rows.map(({ step, ...rest }) => ({ names: [step], ...rest }))
  return {
    next: [steps(answer.next), expected.next],
    previous: [steps(answer.previous), expected.previous],
    loops: [answer.loops.map(({ step, back, ...rest }): Shown => ({ names: [step, back], ...rest })), expected.loops],
    edges: [answer.edges.map(({ from, to, ...rest }): Shown => ({ names: [from, to], ...rest })), expected.edges],
    insteadNext: [steps(answer.instead?.next ?? []), expected.insteadNext],
    insteadLast: [steps(answer.instead?.last ?? []), expected.insteadLast],
  } satisfies Record<keyof PathsAnswer['other'], [Shown[], readonly OracleWay[]]>
}

/** @param answer asked with a limit that cuts nothing */
export function expectPaths(answer: PathsAnswer, expected: Expected): void {
  const { started, seen, entered, began, ended } = expected
  expect(answer).toMatchObject({ started, seen, entered, began, ended })
  agreed()
  for (const [name, [shown, ways]] of Object.entries(lists(answer, expected))) {
    const wanted = ways.map((way) => ({
      names: way.names,
      ...counts(way),
      ...(name === 'loops' || name === 'edges' ? { times: way.times } : {}),
    }))
    expect([...shown].sort(byNames), name).toEqual(wanted.sort(byNames))
    agreed(wanted.length)
    const sizes = shown.map(({ journeys }) => journeys)
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a))
    expect(answer.other[name as keyof PathsAnswer['other']]).toEqual({ rows: 0, journeys: 0 })
  }
  if (answer.instead !== null) {
    const { journeys, completed, lost, nothing, next } = answer.instead
    expect({ journeys, completed, lost }).toEqual(counts(expected.stopped))
    expect(nothing).toEqual(counts(expected.nothing))
    expect(next.reduce((sum, row) => sum + row.journeys, nothing.journeys)).toBe(journeys)
    agreed(2)
  }
}

/** What is shown is the greatest, and what is not is told: journeys of any row past the cut, each once. */
export function expectCut(answer: PathsAnswer, expected: Expected, limit: number): void {
  for (const [name, [shown, ways]] of Object.entries(lists(answer, expected))) {
    const sizes = ways.map(({ journeys }) => journeys.size).sort((a, b) => b - a)
    expect(shown.map(({ journeys }) => journeys)).toEqual(sizes.slice(0, limit))
    const kept = new Set(shown.map(({ names }) => JSON.stringify(names)))
    const past = ways.filter(({ names }) => !kept.has(JSON.stringify(names)))
    expect(answer.other[name as keyof PathsAnswer['other']], name).toEqual({
      rows: past.length,
      journeys: new Set(past.flatMap(({ journeys }) => [...journeys])).size,
    })
    agreed()
  }
}
