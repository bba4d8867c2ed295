import { z } from 'zod'
import { annotationKinds, annotationOf, latestFirst, type Annotation } from '../domain/annotation.ts'
import { shape } from '../domain/limits.ts'
import type { Annotations } from '../domain/ports/annotations.ts'
import type { Clock } from '../domain/ports/clock.ts'
import type { Stores } from '../domain/ports/store.ts'
import { param, sql } from '../domain/sql.ts'
import { inTurnQueue, revisionsAfter } from './changes.ts'

export interface AnnotationsOptions {
  readonly stores: Pick<Stores, 'reads' | 'writes'>
  readonly clock: Clock
  /** So many unpredictable bytes. */
  readonly random: (bytes: number) => Uint8Array
}

const stored = z.object({
  id: z.string(),
  at: z.number(),
  kind: z.enum(annotationKinds),
  label: z.string(),
  createdAt: z.number(),
}) satisfies z.ZodType<Annotation>

/**
 * Annotations over the table `annotations`, asked each time: there are few, and they are asked for by people. Changes follow one
 * another, so that of two at once with one id the first stands.
 * @throws {StoreUnavailable}
 */
export async function openAnnotations({ stores, clock, random }: AnnotationsOptions): Promise<Annotations> {
  const [last] = await stores.reads.select<{ revision: string }>(sql`SELECT max(revision) AS revision FROM annotations`)
  const revisions = revisionsAfter(Number(last?.revision ?? 0), clock)
  const inTurn = inTurnQueue()
  const columns = ['service', 'id', 'revision', 'annotation', 'deleted'] as const
  const keep = (service: string, annotation: Annotation, deleted: 0 | 1) =>
    stores.writes.insert('annotations', columns, [
      [service, annotation.id, revisions(), JSON.stringify(annotation), deleted],
    ])
  const of = async (service: string): Promise<readonly Annotation[]> => {
    const rows = await stores.reads.select<{ annotation: string }>(
      sql`SELECT annotation FROM annotations FINAL WHERE service = ${param('String', service)} AND deleted = 0`,
    )
    return rows.map(({ annotation }) => stored.parse(JSON.parse(annotation))).sort(latestFirst)
  }
  return {
    of,
    add: (service, input) =>
      inTurn(async () => {
        const standing = await of(service)
        const same = standing.find(({ id }) => id === input.id)
        if (same !== undefined) return { annotation: same, created: false }
        if (standing.length >= shape.annotationsMax) return null
        const makeId = () => `an-${Buffer.from(random(8)).toString('hex')}`
        const annotation = annotationOf(input, clock.now(), makeId)
        await keep(service, annotation, 0)
        return { annotation, created: true }
      }),
    remove: (service, id) =>
      inTurn(async () => {
        const standing = (await of(service)).find((annotation) => annotation.id === id)
        if (standing === undefined) return false
        await keep(service, standing, 1)
        return true
      }),
  }
}
