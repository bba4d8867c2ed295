import { z } from 'zod'
import { compileFault } from '../domain/funnel/compile.ts'
import { funnelFault, funnelInput, normaliseFunnel, type FunnelInput } from '../domain/service.ts'
import { firstFault, pathText } from './issues.ts'
import { Refused } from './refused.ts'
import { whereBody } from './where.ts'

/**
 * A funnel out of a body.
 * @param at where it stands in the body
 * @throws {Refused} invalid-funnel, with the path and the reason
 */
export function readFunnel(value: unknown, at: string): FunnelInput {
  const parsed = funnelInput.safeParse(value)
  if (!parsed.success) {
    const { path, detail } = firstFault(parsed.error)
    throw new Refused('invalid-funnel', detail, { path: pathText([at, ...path]) })
  }
  const fault = faultOf(parsed.data)
  if (fault !== null) throw new Refused('invalid-funnel', fault.reason, { path: pathText([at, ...fault.path]) })
  return parsed.data
}

/** What the funnel's own rules refuse, and what the compiler cannot take. */
function faultOf(input: FunnelInput): ReturnType<typeof funnelFault> {
  const fault = funnelFault(input)
  if (fault !== null) return fault
  const reason = compileFault(normaliseFunnel(input))
  return reason === null ? null : { path: ['steps'], reason }
}

/**
 * The ad hoc funnel of repeated `step=`; undefined when there is none.
 * @throws {Refused} invalid-parameter, invalid-funnel
 */
export function funnelOfQuery(query: {
  readonly step: readonly string[]
  readonly order: FunnelInput['order']
  readonly window: string | undefined
  readonly exclude: readonly string[]
  readonly version: number | undefined
}): FunnelInput | undefined {
  const { step, order, window, exclude, version } = query
  if (step.length === 0) {
    const [needless] =
      Object.entries({ order, window, exclude: exclude[0] }).find(([, value]) => value !== undefined) ?? []
    if (needless === undefined) return undefined
    throw new Refused('invalid-parameter', `${needless}: expected only with step, for an ad hoc funnel`, {
      path: needless,
    })
  }
  if (version !== undefined)
    throw new Refused(
      'invalid-parameter',
      'version: expected not together with step, since an ad hoc funnel has none',
      {
        path: 'version',
      },
    )
  const funnel: FunnelInput = {
    steps: [...step],
    ...(order === undefined ? {} : { order }),
    ...(window === undefined ? {} : { window }),
    ...(exclude.length === 0 ? {} : { exclude: exclude.map((name) => ({ step: name })) }),
  }
  const parsed = funnelInput.safeParse(funnel)
  // Names have been read one by one, so only how many there are is left to refuse.
  if (!parsed.success) {
    const { path, detail } = firstFault(parsed.error)
    throw refusedQuery(path, detail)
  }
  const fault = faultOf(funnel)
  if (fault !== null) throw refusedQuery(fault.path, fault.reason)
  return funnel
}

/** A fault of an ad hoc funnel, with the parameter that it came from. */
function refusedQuery([field]: readonly PropertyKey[], detail: string): Refused {
  return new Refused('invalid-funnel', detail, {
    path: field === undefined || field === 'steps' ? 'step' : String(field),
  })
}

/** The body of POST …/funnel, but for the funnel in it. */
export const funnelBody = z.strictObject({
  from: z.string().min(4).max(40).optional(),
  to: z.string().min(4).max(40).optional(),
  tz: z.string().min(1).max(64).optional(),
  funnel: funnelInput.optional().describe('Any funnel; that of the service when absent'),
  version: z
    .int()
    .min(1)
    .max(2 ** 32 - 1)
    .optional()
    .describe('An older version of the service’s funnel; not together with `funnel`'),
  breakdown: z.string().min(1).max(64).optional(),
  where: whereBody.optional(),
})
