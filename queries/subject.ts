import { InvalidParameter } from '../domain/errors.ts'
import { compileFunnel } from '../domain/funnel/compile.ts'
import type { CompiledFunnel } from '../domain/funnel/verdict.ts'
import { normaliseFunnel, type Funnel, type Service } from '../domain/service.ts'
import { builtInDimensions } from '../domain/stored-event.ts'
import type { FunnelAsk, QueryContext, WhereCondition } from './context.ts'
import { resolvePeriod, type Period } from './period.ts'

/** What a question is about, once its parameters are found to be good. */
export interface Subject {
  readonly service: Service
  readonly period: Period
  readonly funnel: Funnel
  readonly compiled: CompiledFunnel
  /** Of the service's funnel; null for an ad hoc one. */
  readonly version: number | null
  /** All must hold. */
  readonly where: readonly WhereCondition[]
  /** The moment that states are of, ms. */
  readonly now: number
}

/**
 * @param now the moment of the answer, ms; the present one unless given
 * @throws {InvalidParameter} naming `from`, `to`, `tz`, `version` or `where`
 */
export async function resolveSubject(
  context: QueryContext,
  ask: FunnelAsk,
  now: number = context.clock.now(),
): Promise<Subject> {
  const { service, where = [] } = ask
  for (const { dimension } of where) assertDimension(service, 'where', dimension)
  const defined = await definitionOf(context, ask)
  const funnel = normaliseFunnel(ask.funnel ?? defined.funnel)
  return {
    service,
    period: resolvePeriod(ask, service.timeZone, now),
    funnel,
    compiled: compileFunnel(funnel),
    version: ask.funnel === undefined ? defined.version : null,
    where,
    now,
  }
}

async function definitionOf(context: QueryContext, { service, version, funnel }: FunnelAsk): Promise<Service> {
  if (funnel !== undefined || version === undefined || version === service.version) return service
  const older = await context.registry.serviceVersion(service.id, version)
  if (older === undefined) throw new InvalidParameter('version', `a whole number from 1 to ${service.version}`)
  return older
}

/** @throws {InvalidParameter} naming the parameter, with the dimensions that there are */
export function assertDimension(service: Service, parameter: string, dimension: string): void {
  const known: readonly string[] = [...builtInDimensions, ...service.dimensions]
  if (!known.includes(dimension)) throw new InvalidParameter(parameter, `one of the dimensions ${known.join(', ')}`)
}

/**
 * Position (from 1) that a question means: `position`, which tells apart a step that stands several times, or the
 * first step that has the name; null when it names neither. Under `any` a position says how many were done, not which.
 * @throws {InvalidParameter} naming `step` or `position`
 */
export function positionAsked(
  { positions, order }: Funnel,
  { step, position }: { readonly step?: string | undefined; readonly position?: number | undefined },
): number | null {
  if (step !== undefined && order === 'any')
    throw new InvalidParameter('step', '`position` instead: of order any, positions are how many steps were done')
  if (position !== undefined && positions[position - 1] === undefined)
    throw new InvalidParameter('position', `a whole number from 1 to ${positions.length}`)
  if (step === undefined) return position ?? null
  if (position !== undefined) {
    if (positions[position - 1]?.names.includes(step) === true) return position
    throw new InvalidParameter('step', 'a name of the step at `position`')
  }
  const index = positions.findIndex(({ names }) => names.includes(step))
  if (index === -1) throw new InvalidParameter('step', 'the name of a step of the funnel')
  return index + 1
}

/** The name that answers show for a position: the first of its names; null under `any`, where it is no step. */
export function stepAt({ positions, order }: Funnel, position: number): string | null {
  return order === 'any' ? null : (positions[position - 1]?.names[0] ?? null)
}

/** A position as people read it: the label of its step; under `any`, how many were done. */
export function labelAt({ positions, order }: Funnel, position: number): string {
  return order === 'any' ? `${position} of ${positions.length} steps` : (positions[position - 1]?.label ?? '')
}
