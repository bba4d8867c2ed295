import type { Limits } from '../domain/limits.ts'
import type { Clock } from '../domain/ports/clock.ts'

/**
 * The names and values that services use beyond their definitions: bounded, because every new one is kept for
 * ever and shown in lists. In memory, filled at the start from what the store has seen.
 */
export interface KnownNames {
  of(service: string): ServiceNames
  /** Takes over what other programs have brought into use; what is known already stays. */
  learn(seen: SeenNames): void
}

export interface ServiceNames {
  /** Whether a name outside the funnel is in use; it counts as seen now. */
  seesStep(name: string): boolean
  /** Takes a name into use. `false` when as many are in use as may be: `funnel` names are not counted. */
  addStep(name: string, funnel: ReadonlySet<string>): boolean
  /** Takes back a name that was added for a request which was then refused. */
  removeStep(name: string): void
  /** Whether a value of a dimension is in use. */
  seesValue(dimension: string, value: string): boolean
  /** `false` when the dimension has as many values as it may. */
  addValue(dimension: string, value: string): boolean
  removeValue(dimension: string, value: string): void
}

/** What the store has seen so far. */
export interface SeenNames {
  /** `lastSeen` in ms since 1970. Names of the funnel may be among them: they are not counted. */
  readonly steps: Iterable<{ readonly service: string; readonly step: string; readonly lastSeen: number }>
  readonly values: Iterable<{ readonly service: string; readonly dimension: string; readonly value: string }>
}

export type NameLimits = Pick<Limits, 'foreignStepsMax' | 'foreignStepUnseenMs' | 'dimensionValuesMax'>

export function createKnownNames(options: { clock: Clock; limits: NameLimits; seen?: SeenNames }): KnownNames {
  const services = new Map<string, NamesOfService>()
  const of = (service: string): NamesOfService => {
    let names = services.get(service)
    if (names === undefined) services.set(service, (names = new NamesOfService(options.clock, options.limits)))
    return names
  }
  const learn = ({ steps, values }: SeenNames): void => {
    for (const { service, step, lastSeen } of steps) of(service).load(step, lastSeen)
    for (const { service, dimension, value } of values) of(service).addValue(dimension, value)
  }
  if (options.seen !== undefined) learn(options.seen)
  return { of, learn }
}

class NamesOfService implements ServiceNames {
  readonly #clock: Clock
  readonly #limits: NameLimits
  /** Name → when last seen, ms. */
  readonly #steps = new Map<string, number>()
  readonly #values = new Map<string, Set<string>>()
  /** A full table is not searched again before this, unless the funnel has changed. */
  #fullUntil = 0
  #fullFor = 0

  constructor(clock: Clock, limits: NameLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  load(name: string, lastSeen: number): void {
    this.#steps.set(name, Math.max(lastSeen, this.#steps.get(name) ?? 0))
  }

  seesStep(name: string): boolean {
    const lastSeen = this.#steps.get(name)
    if (lastSeen === undefined) return false
    const now = this.#clock.now()
    // One that has not been seen for so long must ask for its place again.
    if (now - lastSeen > this.#limits.foreignStepUnseenMs) return false
    this.#steps.set(name, now)
    return true
  }

  addStep(name: string, funnel: ReadonlySet<string>): boolean {
    const now = this.#clock.now()
    if (this.#steps.size >= this.#limits.foreignStepsMax && !this.#makesRoom(now, funnel)) return false
    this.#steps.set(name, now)
    return true
  }

  #makesRoom(now: number, funnel: ReadonlySet<string>): boolean {
    if (now <= this.#fullUntil && this.#fullFor === funnel.size) return false
    let oldest = now
    for (const [name, lastSeen] of this.#steps) {
      if (now - lastSeen > this.#limits.foreignStepUnseenMs || funnel.has(name)) this.#steps.delete(name)
      else oldest = Math.min(oldest, lastSeen)
    }
    if (this.#steps.size < this.#limits.foreignStepsMax) return true
    this.#fullUntil = oldest + this.#limits.foreignStepUnseenMs
    this.#fullFor = funnel.size
    return false
  }

  removeStep(name: string): void {
    this.#steps.delete(name)
    this.#fullUntil = 0
  }

  seesValue(dimension: string, value: string): boolean {
    return this.#values.get(dimension)?.has(value) ?? false
  }

  addValue(dimension: string, value: string): boolean {
    let values = this.#values.get(dimension)
    if (values === undefined) this.#values.set(dimension, (values = new Set()))
    if (values.size >= this.#limits.dimensionValuesMax) return false
    values.add(value)
    return true
  }

  removeValue(dimension: string, value: string): void {
    this.#values.get(dimension)?.delete(value)
  }
}
