import { z } from 'zod'
import {
  annotationRow,
  breakdownRow,
  comparisons,
  discoveredStep,
  errorCode,
  errorRow,
  funnelAnswerStep,
  journeyRow,
  liveEvent,
  opportunity,
  rankedService,
  timeToCompleteAnswer,
  totals,
  trailEvent,
  trendPeriod,
  type DiscoverAnswer,
  type AnnotationAnswer,
  type AnnotationsAnswer,
  type ErrorsAnswer,
  type FunnelAnswer,
  type JourneysAnswer,
  type LiveAnswer,
  type LowCompletionAnswer,
  type TimeToCompleteAnswer,
  type OpportunitiesAnswer,
  type PathsAnswer,
  type TrailAnswer,
  type TrendAnswer,
} from './answers.ts'
import { pathEdge, pathLoop } from './paths-answer.ts'

/**
 * Answers as CSV (RFC 4180): the same rows, one table a question. A column is the path of a field
 * (`left.abandoned`, `rateFromStart.low`), and its place comes from the schema, so that a table has the same
 * columns whatever is in it. What is null or absent is empty. Values stand as they are: a step name that begins
 * with `=` is a formula to a spreadsheet that is not told otherwise.
 */
export const funnelCsv = (answer: FunnelAnswer): string =>
  table(funnelRow, [
    ...answer.steps.map((step) => ({ value: null, whole: true, totals: answer.totals, ...step })),
    ...(answer.comparison?.steps ?? []).map((step) => ({ value: null, whole: true, ...answer.comparison, ...step })),
    ...(answer.breakdown ?? []).flatMap(({ steps, ...row }) =>
      steps.map((step) => ({ ...row, whole: false, ...step })),
    ),
  ])

export const trendCsv = (answer: TrendAnswer): string =>
  table(trendRow, [
    ...answer.periods.map((row) => ({ ...row, whole: true, value: null })),
    ...(answer.breakdown ?? []).flatMap(({ periods, ...group }) =>
      periods.map((row) => ({ ...row, ...group, whole: false })),
    ),
    ...(answer.comparison?.periods ?? []).map((row) => ({
      ...row,
      whole: true,
      value: null,
      with: answer.comparison?.with,
    })),
  ])

export const timeToCompleteCsv = (answer: TimeToCompleteAnswer): string =>
  table(timeToCompleteAnswer.shape.histogram.element, answer.histogram)
export const journeysCsv = (answer: JourneysAnswer): string => table(journeyRow, answer.journeys)
export const trailCsv = (answer: TrailAnswer): string => table(trailEvent, answer.events)
export const liveCsv = (answer: LiveAnswer): string => table(liveEvent, answer.events)
export const discoverCsv = (answer: DiscoverAnswer): string => table(discoveredStep, answer.steps)
/** Both lists: `overSteps` says which. */
export const errorsCsv = (answer: ErrorsAnswer): string =>
  table(errorCsvRow, [
    ...answer.errors.map((row) => ({ overSteps: false, ...row })),
    ...answer.codes.map((row) => ({ overSteps: true, ...row })),
  ])
const errorCsvRow = z.object({ overSteps: z.boolean(), ...errorRow.shape, steps: errorCode.shape.steps })

export const annotationsCsv = (answer: AnnotationsAnswer): string => table(annotationRow, answer.annotations)
export const annotationCsv = (answer: AnnotationAnswer): string => table(annotationRow, [answer.annotation])
export const lowCompletionCsv = (answer: LowCompletionAnswer): string => table(rankedService, answer.services)

/** Of rows of the compared period: which one it is. */
const comparison = z.enum(comparisons).optional()
export const opportunitiesCsv = (answer: OpportunitiesAnswer): string => table(opportunity, answer.opportunities)
export const pathsCsv = (answer: PathsAnswer): string =>
  table(pathsRow, [
    ...part('next', answer.next),
    ...part('previous', answer.previous),
    ...part('loops', answer.loops),
    ...part('edges', answer.edges),
    ...part('instead.next', answer.instead?.next ?? []),
    ...part('instead.last', answer.instead?.last ?? []),
  ])

const part = (list: string, rows: readonly object[]): object[] => rows.map((row) => ({ list, ...row }))

/** Rows of several lists: the columns that a list has not are empty. */
const pathsRow = z.object({ list: z.string(), ...pathLoop.shape, ...pathEdge.shape })

const funnelRow = z.object({
  whole: z.boolean(),
  value: breakdownRow.shape.value,
  other: breakdownRow.shape.other,
  ...funnelAnswerStep.shape,
  totals,
  with: comparison,
})

const trendRow = z.object({
  ...trendPeriod.shape,
  whole: z.boolean(),
  value: breakdownRow.shape.value,
  other: breakdownRow.shape.other,
  with: comparison,
})

function table(row: z.ZodObject, values: readonly object[]): string {
  const columns = columnsOf(row, [])
  const lines = [
    columns.map((path) => path.join('.')),
    ...values.map((value) => columns.map((path) => text(path.reduce<unknown>(member, value)))),
  ]
  return lines.map((cells) => `${cells.map(quoted).join(',')}\r\n`).join('')
}

function columnsOf(schema: z.core.$ZodType, path: readonly string[]): (readonly string[])[] {
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) return columnsOf(schema.unwrap(), path)
  if (schema instanceof z.ZodObject)
    return Object.entries<z.core.$ZodType>(schema.shape).flatMap(([name, field]) => columnsOf(field, [...path, name]))
  return [path]
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined
}

/** Lists and maps, whose names may hold any separator, as JSON. */
function text(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}
