import { z } from 'zod'
import { instantMs } from './instant.ts'
import { slug } from './key.ts'
import { defaultLimits, shape } from './limits.ts'
import { printable } from './text.ts'

export const annotationKinds = ['release', 'incident', 'other'] as const
export type AnnotationKind = (typeof annotationKinds)[number]

/** Something that may have changed how a service does, and when. */
export interface Annotation {
  /** Of the service. */
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly kind: AnnotationKind
  readonly label: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** An annotation to be made, each default filled in by whoever takes it. */
export interface AnnotationInput {
  /** One is made where none is given. */
  readonly id?: string | undefined
  readonly at?: number | undefined
  readonly kind: AnnotationKind
  readonly label: string
}

const moment = z.union([z.number(), z.string()]).refine((given) => {
  const ms = instantMs(given)
  return ms !== null && ms >= 0
}, 'expected a moment since 1970: milliseconds, or ISO 8601 as YYYY-MM-DDThh:mm[:ss] with an offset or Z')

/** What is sent to make one. */
export const newAnnotation = z.strictObject({
  id: slug.optional().describe('The same id again is the same annotation. Default: one is made'),
  at: moment.optional().describe('ISO 8601 instant, or milliseconds since 1970; at most a day ahead. Default: now'),
  kind: z.enum(annotationKinds).optional().describe('Default: release'),
  label: z
    .string()
    .min(1)
    .max(shape.annotationLabelMax)
    .regex(printable, 'expected printable characters')
    .describe('Shown as it is; no personal data'),
})
export type NewAnnotation = z.infer<typeof newAnnotation>

/** How far ahead one may be marked, as far as events may be dated ahead. */
export const annotationFutureMs = defaultLimits.futureMs

/** The annotation of an input. @param id made for one that has none */
export function annotationOf(input: AnnotationInput, now: number, makeId: () => string): Annotation {
  const { id, at = now, kind, label } = input
  return { id: id ?? makeId(), at, kind, label, createdAt: now }
}

/** The latest first, then by id. */
export function latestFirst(one: Annotation, other: Annotation): number {
  if (one.at !== other.at) return other.at - one.at
  return one.id < other.id ? -1 : 1
}
