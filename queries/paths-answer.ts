import { z } from 'zod'

const count = z.int().min(0)

/** Of the journeys of a row. */
const outcomes = {
  journeys: count.describe('Each journey once in a row, however often it went this way'),
  completed: count.describe('Of these journeys, those that completed'),
  lost: count.describe('Of these journeys, those that failed or were abandoned'),
}

/** Null: a name that is no longer known, since it has not been seen for long. */
const stepName = z.string().nullable().describe('null for a name that is no longer kept')

export const pathStep = z.strictObject({ step: stepName, ...outcomes }).meta({ id: 'PathStep' })
export type PathStep = z.infer<typeof pathStep>

export const pathLoop = z
  .strictObject({
    step: stepName.describe('Where they turned back'),
    back: stepName.describe('What they came back to; the same as `step` where the page was shown again'),
    ...outcomes,
    times: count.describe('How often, over all these journeys'),
  })
  .meta({
    id: 'PathLoop',
    description:
      'A move to a step that the journey had first seen before the one it came from, or to the same one. Going forward again over steps seen before is no loop',
  })
export type PathLoop = z.infer<typeof pathLoop>

export const pathEdge = z
  .strictObject({ from: stepName, to: stepName, ...outcomes, times: count })
  .meta({ id: 'PathEdge', description: 'From one step right to another one' })
export type PathEdge = z.infer<typeof pathEdge>

const other = z
  .strictObject({
    rows: count.describe('Rows past `limit`'),
    journeys: count.describe('Journeys with at least one of these rows, each once'),
  })
  .meta({ id: 'PathsOther', description: 'What a list does not show' })
export type PathsOther = z.infer<typeof other>

const instead = z
  .strictObject({
    ...outcomes,
    nothing: z.strictObject(outcomes).describe('Of them, those that saw no other step after it'),
    next: z
      .array(pathStep)
      .describe('The other step that they saw first after it; with `nothing` it adds up to `journeys`'),
    last: z.array(pathStep).describe('The step that those who saw another one saw last of all'),
  })
  .meta({
    id: 'PathsInstead',
    description:
      'Of those who reached the step, those who reached no later one of the funnel: entered - passed of its position. ' +
      'For a name that is no position of the funnel (of order any, for every name): those who saw no step of the funnel after they last saw it',
  })
export type PathsInstead = z.infer<typeof instead>

/** What an answer about paths has beside its provenance. */
export const pathsFields = {
  step: z.string().nullable().describe('Asked about; null for the whole service'),
  position: z
    .int()
    .min(1)
    .nullable()
    .describe('Of the step in the funnel; null for a name that is in none, of order any, and without `step`'),
  started: count.describe('Journeys of the period that started: all that is counted here is of them'),
  seen: count.describe('Those that saw the step at any time; without `step`, that saw any'),
  entered: count.nullable().describe('Those whose run reached `position`: `entered` of the funnel'),
  began: count.describe('Saw no other step before they first saw it'),
  ended: count.describe('Saw no other step after they last saw it'),
  next: z.array(pathStep).describe('Steps seen right after it. Without `step`: those that journeys begin with'),
  previous: z.array(pathStep).describe('Steps seen right before it. Without `step`: those that journeys end with'),
  loops: z.array(pathLoop).describe('Turning back at the step or to it. Without `step`: anywhere'),
  edges: z.array(pathEdge).describe('The most walked ways of the whole service; empty with `step`'),
  instead: instead.nullable().describe('Where those go who do not go on; null without `step`'),
  other: z.strictObject({
    next: other,
    previous: other,
    loops: other,
    edges: other,
    insteadNext: other,
    insteadLast: other,
  }),
}
