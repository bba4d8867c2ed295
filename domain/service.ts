import { z } from 'zod'
import { durationMs } from './duration.ts'
import { slug } from './key.ts'
import { shape } from './limits.ts'
import { builtInDimensions } from './stored-event.ts'
import { printable } from './text.ts'

export const stepName = z.string().min(1).max(shape.stepCharsMax).regex(printable, 'expected printable characters')

const duration = (minMs: number, maxMs: number) =>
  z
    .string()
    .max(64)
    .refine((text) => {
      const ms = durationMs(text)
      return ms !== null && ms >= minMs && ms <= maxMs
    }, 'expected an ISO 8601 duration in weeks, days, hours, minutes and seconds, from PT1S to P36525D')

const windowDuration = duration(shape.windowMsMin, shape.windowMsMax)

const stepOptions = {
  name: z.string().min(1).max(200).optional(),
  optional: z.boolean().optional(),
  within: windowDuration.optional(),
}

export const funnelStep = z.union([
  stepName,
  z.strictObject({ step: stepName, ...stepOptions }),
  z.strictObject({ anyOf: z.array(stepName).min(1).max(shape.namesPerStepMax), ...stepOptions }),
])

/** The shape of a funnel; what the shape cannot say is in `funnelFault`. */
export const funnelInput = z.strictObject({
  steps: z.array(funnelStep).min(shape.stepsMin).max(shape.stepsMax),
  order: z.enum(['ordered', 'strict', 'any']).optional(),
  window: windowDuration.optional(),
  exclude: z
    .array(
      z.strictObject({
        step: stepName,
        after: z.int().min(1).optional(),
        before: z.int().min(1).optional(),
      }),
    )
    .max(shape.excludesMax)
    .optional(),
})
export type FunnelInput = z.infer<typeof funnelInput>

/** A funnel with everything said: what the compiler and the test oracle read. */
export interface Funnel {
  readonly positions: readonly Position[]
  readonly order: 'ordered' | 'strict' | 'any'
  readonly windowMs: number
  readonly exclusions: readonly Exclusion[]
}

export interface Position {
  /** Step names that fit here, at least one, no name twice. */
  readonly names: readonly string[]
  /** As shown. */
  readonly label: string
  readonly optional: boolean
  /** Longest time since the position reached before; null: no bound but the window. */
  readonly withinMs: number | null
}

/** `step` strictly between the events at positions `after` and `before` (from 1) excludes a run. `any` has no positions: the whole run. */
export interface Exclusion {
  readonly step: string
  readonly after: number
  readonly before: number
}

export const defaultWindow = 'P7D'

/** Fills in every default. Call it on a funnel without a fault. */
export function normaliseFunnel(input: FunnelInput): Funnel {
  const positions = input.steps.map((step): Position => {
    if (typeof step === 'string') return { names: [step], label: step, optional: false, withinMs: null }
    const names = 'anyOf' in step ? [...new Set(step.anyOf)] : [step.step]
    return {
      names,
      label: step.name ?? names[0] ?? '',
      optional: step.optional ?? false,
      withinMs: step.within === undefined ? null : durationMs(step.within),
    }
  })
  return {
    positions,
    order: input.order ?? 'ordered',
    windowMs: durationMs(input.window ?? defaultWindow) ?? 0,
    exclusions: (input.exclude ?? []).map(({ step, after, before }) => ({
      step,
      after: after ?? 1,
      before: before ?? positions.length,
    })),
  }
}

/** Why a funnel of the right shape is refused all the same (DESIGN, what a funnel means); `null` when it is not. */
export function funnelFault(input: FunnelInput): { path: (string | number)[]; reason: string } | null {
  const funnel = normaliseFunnel(input)
  const last = funnel.positions.length
  if (funnel.order === 'any') {
    for (const [index, step] of input.steps.entries()) {
      if (typeof step !== 'string' && (step.optional === true || step.within !== undefined))
        return { path: ['steps', index], reason: 'optional and within have no meaning when the order is any' }
    }
    for (const [index, exclude] of (input.exclude ?? []).entries()) {
      if (exclude.after !== undefined || exclude.before !== undefined)
        return { path: ['exclude', index], reason: 'after and before have no meaning when the order is any' }
    }
  } else {
    if (funnel.positions[0]?.optional) return { path: ['steps', 0], reason: 'the first step cannot be optional' }
    if (funnel.positions[last - 1]?.optional)
      return { path: ['steps', last - 1], reason: 'the last step cannot be optional' }
  }
  for (const [index, { step, after, before }] of funnel.exclusions.entries()) {
    if (after >= before || before > last)
      return { path: ['exclude', index], reason: `expected 1 <= after < before <= ${last}` }
    const from = funnel.order === 'any' ? 1 : after
    const to = funnel.order === 'any' ? last : before
    if (funnel.positions.slice(from - 1, to).some((position) => position.names.includes(step)))
      return {
        path: ['exclude', index, 'step'],
        reason: 'a step of the funnel cannot be excluded between its own positions',
      }
  }
  return null
}

const timeZone = z
  .string()
  .max(64)
  .refine((zone) => {
    try {
      // Offsets such as +01:00 are no IANA zones, though Intl takes them.
      if (/^[+-]/.test(zone)) return false
      new Intl.DateTimeFormat('en-GB', { timeZone: zone })
      return true
    } catch {
      return false
    }
  }, 'expected an IANA time zone, such as Europe/London')

const origin = z
  .string()
  .max(300)
  .refine((text) => {
    try {
      const url = new URL(text)
      return (url.protocol === 'https:' || url.protocol === 'http:') && url.origin === text
    } catch {
      return false
    }
  }, 'expected an origin, such as https://fishing.example')

/** The body of PUT /v1/services/{id}. */
export const serviceInput = z.strictObject({
  name: z.string().min(1).max(200).regex(printable, 'expected printable characters'),
  department: slug.optional(),
  supplier: z.string().min(1).max(200).optional(),
  owner: z.string().min(1).max(200).optional(),
  timeZone: timeZone.default('UTC'),
  origins: z.array(origin).max(100).default([]),
  dimensions: z
    .array(
      slug.refine((name) => !(builtInDimensions as readonly string[]).includes(name), 'this dimension is built in'),
    )
    .max(shape.attrsMax)
    .default([]),
  funnel: funnelInput,
  targets: z.strictObject({ completionRate: z.number().min(0).max(1).optional() }).optional(),
  costs: z
    .strictObject({
      currency: z
        .string()
        .regex(/^[A-Z]{3}$/, 'expected an ISO 4217 code')
        .optional(),
      otherChannel: z.number().min(0).max(1e9).optional(),
    })
    .optional(),
  publicKey: z.boolean().default(false),
})
export type ServiceInput = z.infer<typeof serviceInput>

/** A service as it is kept and shown: the input as given, and what Waymark adds. */
export interface Service extends ServiceInput {
  readonly id: string
  /** Of the funnel, from 1. */
  readonly version: number
  /** When this version of the funnel was made, ISO 8601. */
  readonly createdAt: string
  /** Made-up data, loaded on first start. */
  readonly sample: boolean
  /** Shown when `publicKey` is true: browsers send it as `key`. */
  readonly key?: string
  readonly deleted: boolean
}
