import { z } from 'zod'
import { dropReasons, problemCodes } from '../../domain/problems.ts'
import { apiTelemetry } from '../../infra/telemetry/api.ts'
import { collectorTelemetry } from '../../infra/telemetry/collector.ts'
import { kafkaTelemetry, lagTelemetry } from '../../infra/telemetry/kafka.ts'
import { processorTelemetry, turnTelemetry } from '../../infra/telemetry/processor.ts'
import { readyTelemetry } from '../../infra/telemetry/ready.ts'
import { createTelemetry } from '../../infra/telemetry/telemetry.ts'
import { removalReasons } from '../../processor/removal.ts'

/** Series → its labels, beside those that Prometheus gives. */
export type Metrics = ReadonlyMap<string, readonly string[]>

/** Labels that prometheus.yml and Prometheus give to every series. */
export const scrapeLabels = ['job', 'instance', 'program'] as const

/** Values of the labels that Waymark gives, where there are few. */
export const labelValues: Readonly<Record<string, readonly string[]>> = {
  code: problemCodes,
  reason: [...Object.keys(dropReasons), ...removalReasons],
}

/** Every series that any of the programs gives, from the registries that they fill. */
export async function givenMetrics(): Promise<Metrics> {
  const telemetry = createTelemetry('silent')
  const clock = { now: () => Date.now() }
  apiTelemetry(telemetry)
  collectorTelemetry({ ...telemetry, clock })
  kafkaTelemetry(telemetry)
  lagTelemetry(
    telemetry,
    () => Promise.resolve({ events: 0, bytes: 0, oldestAt: null }),
    () => clock.now(),
  )
  processorTelemetry(telemetry)
  turnTelemetry(telemetry, () => true)
  readyTelemetry(telemetry, () => [])
  const given = new Map<string, readonly string[]>()
  for (const { name, type } of await telemetry.metrics.getMetricsAsJSON()) {
    const labels = labelsOf(telemetry.metrics.getSingleMetric(name))
    // The library says of its types that they are numbers, and gives words.
    if (String(type) === 'histogram') {
      given.set(`${name}_bucket`, [...labels, 'le'])
      given.set(`${name}_sum`, labels)
      given.set(`${name}_count`, labels)
    } else given.set(name, labels)
  }
  return given
}

/** As it was made with, whether or not a value of them was seen; the library's types leave that out. */
function labelsOf(metric: unknown): readonly string[] {
  return z.object({ labelNames: z.array(z.string()) }).parse(metric).labelNames
}

/** A series that an expression of PromQL asks for, and the labels that it names of it. */
export interface Selector {
  readonly metric: string
  readonly matchers: readonly { readonly label: string; readonly values: readonly string[] }[]
}

const words = new Set(['and', 'or', 'unless', 'offset', 'bool'])

/** Names of series are all words that are no function, no operator and no label of a grouping. */
export function selectorsOf(expression: string): Selector[] {
  const plain = expression
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(/\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
  return [...plain.matchAll(/(?<![\w$.])([a-zA-Z_:][\w:]*)(?![\w:]|\s*\()(?:\{([^}]*)\})?/g)]
    .filter(([, metric = '']) => !words.has(metric))
    .map(([, metric = '', inside = '']) => ({
      metric,
      matchers: [...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)].map(([, label = '', value = '']) => ({
        label,
        values: value.split('|'),
      })),
    }))
}
