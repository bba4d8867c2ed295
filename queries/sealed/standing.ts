import type { Service } from '../../domain/service.ts'
import type { Ground, Sealed } from '../ground.ts'
import { dayStarts, weekStarts } from '../period.ts'
import type { Subject } from '../subject.ts'
import { coverOf, hourMs, hourOf, type Begins, type Cover, type Range } from './cover.ts'
import type { Scope } from './statements.ts'

/** A week, and the hour by which the change of a clock may make one longer. */
const weekMs = (7 * 24 + 1) * hourMs

/** What of a subject's answer can be read from sealed tallies, and how. */
export interface Standing extends Scope {
  /** The period by the tallies that have times: these do not depend on the clock. */
  readonly took: Cover
  /** Some journey was touched since the seal. */
  readonly hasChanged: boolean
  /** Starts of the days and weeks of the service's zone around the period, of those that may be read. */
  readonly begins: Begins
  /** The dimension that is asked about, of a breakdown or of a condition; null: none. */
  readonly dimension: string | null
}

/** The coarsest tallies that a question may take. */
export type Grain = 'hour' | 'day' | 'week'

/**
 * The seal from which a question can be answered; null where it has to be answered from facts: of another funnel than
 * the service's own as it is, by two dimensions at once, while journeys wait for their verdict, or when the clock has left the hours
 * for which the seal was made.
 */
export function standingOf(
  ground: Ground,
  subject: Subject,
  breakdown: string | undefined,
  grain: Grain = 'week',
): Standing | null {
  const { service, version, funnel, period, now } = subject
  const sealed = ground.seals.get(service.id)
  const split = now - funnel.windowMs
  if (version !== service.version || sealed === undefined || !answers(sealed, service, split)) return null
  const dimensions = new Set([
    ...subject.where.map(({ dimension }) => dimension),
    ...(breakdown === undefined ? [] : [breakdown]),
  ])
  if (dimensions.size > 1) return null
  const held = heldBy([sealed])
  const begins = beginsOf(sealed.timeZone === service.timeZone ? sealed.timeZone : null, period, held, grain)
  return {
    services: [sealed],
    cover: coverOf(period, held, begins, hourOf(split)),
    took: coverOf(period, held, begins, null),
    begins,
    hasChanged: sealed.hasChanged,
    split,
    dimension: [...dimensions][0] ?? null,
  }
}

/** Whether a seal says what there is to say of its service now. */
export function answers(sealed: Sealed, service: Service, split: number): boolean {
  return sealed.version === service.version && !sealed.isWaiting && split >= sealed.edgeFrom && split < sealed.edgeTo
}

/** Between which moments tallies hold anything, and a week more, so that the first and the last week of it are whole. */
export function heldBy(sealed: readonly Sealed[]): Range {
  return {
    from: Math.min(...sealed.map(({ bucketFrom }) => bucketFrom)) - weekMs,
    to: Math.max(...sealed.map(({ bucketTo }) => bucketTo)) + weekMs,
  }
}

/** @param zone null: only hours are of any use */
export function beginsOf(zone: string | null, period: Range, held: Range, grain: Grain): Begins {
  const [from, to] = [Math.max(period.from, held.from), Math.min(period.to, held.to)]
  if (zone === null || grain === 'hour' || from >= to) return { weeks: [], days: [] }
  return { weeks: grain === 'week' ? weekStarts(zone, from, to) : [], days: dayStarts(zone, from, to) }
}
