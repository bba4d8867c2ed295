import { z } from 'zod'
import {
  annotationRow,
  breakdownRow,
  errorCode,
  errorRow,
  funnelAnswerStep,
  journeyRow,
  rankedService,
  totals,
  trailEvent,
  trendPeriod,
  type AnnotationAnswer,
  type AnnotationsAnswer,
  type ErrorsAnswer,
  type FunnelAnswer,
  type JourneysAnswer,
  type LowCompletionAnswer,
  type TrailAnswer,
  type TrendAnswer,
} from './answers.ts'

/**
 * Answers as CSV (RFC 4180): the same rows, one table a question. A column is the path of a field
 * (`left.abandoned`, `rateFromStart.low`), and its place comes from the schema, so that a table has the same
 * columns whatever is in it. What is null or absent is empty. Values stand as they are: a step name that begins
 * with `=` is a formula to a spreadsheet that is not told otherwise.
 */
export const funnelCsv = (answer: FunnelAnswer): string =>
  table(funnelRow, [
    ...answer.steps.map((step) => ({ value: null, whole: true, totals: answer.totals, ...step })),
    ...(answer.breakdown ?? []).flatMap(({ steps, ...row }) =>
      steps.map((step) => ({ ...row, whole: false, ...step })),
    ),
  ])

export const trendCsv = (answer: TrendAnswer): string => table(trendPeriod, answer.periods)
export const journeysCsv = (answer: JourneysAnswer): string => table(journeyRow, answer.journeys)
export const trailCsv = (answer: TrailAnswer): string => table(trailEvent, answer.events)
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

const funnelRow = z.object({
  whole: z.boolean(),
  value: breakdownRow.shape.value,
  other: breakdownRow.shape.other,
  ...funnelAnswerStep.shape,
  totals,
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
