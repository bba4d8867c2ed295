import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { durationMs } from '../../domain/duration.ts'
import type { Verdict } from '../../domain/funnel/verdict.ts'
import { funnelFault, funnelInput, normaliseFunnel } from '../../domain/service.ts'
import type { Funnel } from '../../domain/service.ts'
import { eventTypes, outcomes } from '../../domain/stored-event.ts'
import type { OracleEvent } from './oracle-runs.ts'

/** A worked example of docs/semantics.md: a fenced block `trail`. */
export interface Example {
  /** Heading under which it stands, and its number there. */
  readonly name: string
  readonly funnel: Funnel
  readonly events: readonly OracleEvent[]
  readonly verdict: Verdict
  readonly states: readonly { readonly now: number; readonly state: string; readonly elapsed: boolean }[]
}

const block = z.strictObject({
  funnel: funnelInput,
  events: z.array(z.string()),
  says: z.strictObject({
    unstarted: z.literal(true).optional(),
    excluded: z.literal(true).optional(),
    start: z.string().optional(),
    latestStart: z.string().optional(),
    reached: z.record(z.string(), z.string()).optional(),
    took: z.string().optional(),
    failed: z.literal(true).optional(),
  }),
  states: z.record(z.string(), z.string()).optional(),
})
type Says = z.infer<typeof block>['says']

/** Monday 5 January 2026. */
const firstDay = Date.UTC(2026, 0, 5)
const dayMs = 24 * 60 * 60 * 1000
const clock = /^(?:day (\d+) )?(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?/

function instant(text: string): number {
  const match = clock.exec(text)
  if (match === null) throw new Error(`expected a time, such as "09:00" or "day 8 09:00:00.001": ${text}`)
  const [, day = '1', hours, minutes, seconds = '0', ms = '0'] = match
  return (
    firstDay +
    (Number(day) - 1) * dayMs +
    ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 +
    Number(ms)
  )
}

/** `09:00 start`, `09:00#2 start`, `09:10 (failed)`, `09:10 (error)`. */
function event(text: string): OracleEvent {
  const time = clock.exec(text)?.[0] ?? ''
  const match = /^(?:#(\d+))? (?:\(([a-z-]+)\)|(.+))$/.exec(text.slice(time.length))
  if (match === null) throw new Error(`expected a time and a step or (an outcome): ${text}`)
  const [, seq = '0', bracketed, step = ''] = match
  const outcome = outcomes.find((known) => known === bracketed) ?? ''
  const type = bracketed === undefined ? 'step' : (eventTypes.find((known) => known === bracketed) ?? 'outcome')
  if (type === 'outcome' && outcome === '') throw new Error(`no such outcome: ${text}`)
  return { type, step, at: instant(text), seq: Number(seq), outcome }
}

function expectedVerdict(says: Says, funnel: Funnel): Verdict {
  const none = {
    start: 0,
    latestStart: 0,
    excluded: 0,
    depth: 0,
    entered: 0n,
    times: [],
    completed: 0,
    failed: 0,
  } as const
  if (says.unstarted) return { ...none, completionMs: -1 }
  const start = instant(says.start ?? '')
  const started = { ...none, start, latestStart: says.latestStart === undefined ? start : instant(says.latestStart) }
  if (says.excluded) return { ...started, excluded: 1, completionMs: -1 }
  const reached = Object.entries(says.reached ?? {}).map(([position, time]) => ({
    position: Number(position),
    at: instant(time),
  }))
  const depth = Math.max(...reached.map(({ position }) => position))
  const took = says.took === undefined ? null : durationMs(says.took)
  if (depth === funnel.positions.length && took === null) throw new Error('a completed journey took some time')
  return {
    ...started,
    depth,
    entered: reached.reduce((bits, { position }) => bits | (1n << BigInt(position - 1)), 0n),
    times: reached.map(({ at }) => at),
    completed: took === null ? 0 : 1,
    failed: says.failed ? 1 : 0,
    completionMs: took ?? -1,
  }
}

function example(name: string, text: string): Example {
  const { funnel: input, events, says, states = {} } = block.parse(parse(text))
  const fault = funnelFault(input)
  if (fault !== null) throw new Error(`${name}: ${fault.reason}`)
  const funnel = normaliseFunnel(input)
  return {
    name,
    funnel,
    events: events.map(event),
    verdict: expectedVerdict(says, funnel),
    states: Object.entries(states).map(([now, said]) => ({
      now: instant(now),
      state: said.replace(', elapsed', ''),
      elapsed: said.endsWith(', elapsed'),
    })),
  }
}

/** @throws Error naming the example that cannot be read */
export function semanticsExamples(file: URL): Example[] {
  const examples: Example[] = []
  let heading = ''
  let inHeading = 0
  for (const match of readFileSync(file, 'utf8').matchAll(/^#+ (.+)$|^```trail\n([\s\S]*?)^```$/gm)) {
    const [, title, text] = match
    if (title !== undefined) {
      heading = title
      inHeading = 0
    } else if (text !== undefined) {
      inHeading += 1
      examples.push(example(`${heading}, example ${inHeading}`, text))
    }
  }
  return examples
}
