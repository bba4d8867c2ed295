import { normaliseFunnel, serviceInput, type ServiceInput } from '../../domain/service.ts'
import { steps } from './programs.ts'

/** Journeys of one kind of funnel walk along the same pages: `paths` of query-paths.ts. */
export type Shape = 'seven' | 'twenty' | 'optional'

export interface BenchService {
  readonly id: string
  readonly shape: Shape
  /** Of all journeys; the shares add up to 1. */
  readonly share: number
  readonly input: ServiceInput
}

const count = 50
const largestShare = 0.4

export const twentySteps = Array.from({ length: 20 }, (_, index) => `page-${index + 1}`)

const funnels: Readonly<Record<Shape, ServiceInput['funnel']>> = {
  seven: serviceInput.shape.funnel.parse({ steps }),
  twenty: serviceInput.shape.funnel.parse({ steps: twentySteps }),
  optional: serviceInput.shape.funnel.parse({
    steps: steps.map((step) => (step === 'licence-type' ? { step, optional: true } : step)),
  }),
}

/** Pages of a shape, in the order of its funnel. */
export function pagesOf(shape: Shape): readonly string[] {
  return normaliseFunnel(funnels[shape]).positions.flatMap(({ names: [name] }) => (name === undefined ? [] : [name]))
}

export const largest = 'service-01'
export const middle = 'service-10'
export const smallest = 'service-50'
/** Of the size of `middle`. */
export const withTwentySteps = 'service-11'
export const withOptionalStep = 'service-12'

/**
 * Fifty services: the largest has 40 % of all journeys, the others what a Zipf law leaves them, but that three in the
 * middle are equally large, so that twenty steps or an optional one can be held against seven.
 */
export const benchServices: readonly BenchService[] = makeServices()

function makeServices(): BenchService[] {
  const weights = Array.from({ length: count }, (_, index) => {
    if (index === 0) return 0
    // Ranks 10, 11 and 12 are of one size.
    const rank = index >= 9 && index <= 11 ? 11 : index + 1
    return 1 / rank ** 1.2
  })
  const others = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight, index) => {
    const id = `service-${String(index + 1).padStart(2, '0')}`
    const shape = id === withTwentySteps ? 'twenty' : id === withOptionalStep ? 'optional' : 'seven'
    return {
      id,
      shape,
      share: index === 0 ? largestShare : ((1 - largestShare) * weight) / others,
      input: serviceInput.parse({
        name: `Benchmark ${id}`,
        dimensions: ['licence-type'],
        funnel: funnels[shape],
        timeZone: 'Europe/London',
      }),
    }
  })
}
