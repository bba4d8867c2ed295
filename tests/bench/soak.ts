import { startAtScale, type AtScale } from './at-scale.ts'
import { memoryMb } from './machine.ts'
import { sendPaced } from './paced.ts'
import { api, drained, putService } from './programs.ts'

const eventsPerSecond = 3_000
const services = Array.from({ length: 10 }, (_, index) => `soak-${index}`)
const sampleSeconds = 10
/** Before that programs still fill what they keep. */
const settledMinutes = 10

interface Sample {
  readonly minutes: number
  readonly pendingEvents: number
  readonly rssMb: Readonly<Record<string, number>>
}

/**
 * The programs apart under a steady load for so many minutes: whether memory or what is pending grows, by the slope of a line
 * through the samples after the first ten minutes; in the end, whether every acknowledged event is stored.
 */
export async function soak([minutes = 60]: readonly number[]): Promise<unknown> {
  const measured = await startAtScale()
  try {
    for (const service of services) await putService(measured.api, service)
    const load = sendPaced(measured.collector, { services, eventsPerSecond, seconds: minutes * 60 })
    const samples = await sampled(measured, load)
    const { requests, acknowledged } = await load
    const begun = performance.now()
    await drained(measured.api)
    const settled = samples.filter((one) => one.minutes >= settledMinutes)
    return {
      minutes,
      eventsPerSecondAsked: eventsPerSecond,
      eventsPerSecondAcknowledged: Math.round(acknowledged / (minutes * 60)),
      requestsByStatus: Object.fromEntries(requests),
      acknowledged,
      stored: await measured.stored(),
      drainedSeconds: Math.round((performance.now() - begun) / 1000),
      pendingEvents: {
        slopePerHour: Math.round(slope(settled, ({ pendingEvents }) => pendingEvents)),
        max: Math.max(...settled.map(({ pendingEvents }) => pendingEvents)),
      },
      memoryMb: Object.fromEntries(
        Object.keys(measured.programs).map((name) => [
          name,
          {
            slopePerHour: Number(slope(settled, ({ rssMb }) => rssMb[name] ?? 0).toFixed(1)),
            first: settled[0]?.rssMb[name],
            last: settled.at(-1)?.rssMb[name],
          },
        ]),
      ),
      goal: { slopeMbPerHour: 5, pendingSlope: 0 },
    }
  } finally {
    await measured.stop()
  }
}

/** Until the load ends. */
async function sampled({ api: asked, programs }: AtScale, load: Promise<unknown>): Promise<readonly Sample[]> {
  const begun = performance.now()
  const samples: Sample[] = []
  let over = false
  void load.finally(() => (over = true)).catch(() => undefined)
  while (!over) {
    const { pendingEvents } = (await api(asked, 'GET', '/v1/status')) as { pendingEvents: number }
    const rssMb = Object.fromEntries(Object.entries(programs).map(([name, { pid }]) => [name, memoryMb(pid).rss]))
    const sample = { minutes: Number(((performance.now() - begun) / 60_000).toFixed(2)), pendingEvents, rssMb }
    samples.push(sample)
    process.stdout.write(`${JSON.stringify(sample)}\n`)
    await new Promise((resolve) => setTimeout(resolve, sampleSeconds * 1000))
  }
  return samples
}

/** Of the least-squares line through the samples, an hour. */
function slope(samples: readonly Sample[], value: (sample: Sample) => number): number {
  const count = samples.length
  const meanX = samples.reduce((sum, { minutes }) => sum + minutes, 0) / count
  const meanY = samples.reduce((sum, sample) => sum + value(sample), 0) / count
  let above = 0
  let below = 0
  for (const sample of samples) {
    above += (sample.minutes - meanX) * (value(sample) - meanY)
    below += (sample.minutes - meanX) ** 2
  }
  return below === 0 ? 0 : (above / below) * 60
}
