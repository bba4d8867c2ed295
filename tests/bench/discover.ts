import { discover as discovered, funnelOf } from '../../domain/discovery/discover.ts'
import { discoveryLog } from '../support/discovery-log.ts'
import { generatedService } from '../support/generated-services.ts'
import { judged, judgementKinds, type Judgement } from '../support/judged-discovery.ts'
import { percentile } from './machine.ts'

/** Sets of generated services: the limits of the algorithm were chosen by looking at the first five hundred seeds, never at the others. */
const sets = [
  { set: 'seen, 10 % noise', first: 1, seeds: 100, noise: 0.1 },
  { set: 'held out, 10 % noise', first: 10_001, seeds: 500, noise: 0.1 },
  { set: 'held out, no noise', first: 20_001, seeds: 100, noise: 0 },
  { set: 'held out, 20 % noise', first: 30_001, seeds: 100, noise: 0.2 },
] as const

interface Tried {
  readonly judgement: Judgement
  readonly overall: number
  readonly order: number
  readonly ms: number
}

/** In how many generated services (tests/support/generated-services.ts) the true funnel is found again, and how sure it says it is. */
export function discover(): Promise<unknown> {
  const rows = sets.map(({ set, first, seeds, noise }) => {
    const tried = Array.from({ length: seeds }, (_, index) => attempt(first + index, noise))
    const row = { set, services: seeds, ...rates(tried) }
    process.stderr.write(`${JSON.stringify(row)}\n`)
    return row
  })
  return Promise.resolve({ rows })
}

function attempt(seed: number, noise: number): Tried {
  const service = generatedService(seed, { noise })
  const log = discoveryLog(service.journeys)
  const begun = performance.now()
  const found = discovered(log)
  const ms = performance.now() - begun
  const judgement = judged(service, found.noSuggestion === null ? funnelOf(found, 'P7D') : null)
  if (!judgement.found) process.stderr.write(`seed ${seed}: ${judgement.faults.slice(0, 3).join('; ')}\n`)
  return { judgement, ...found.confidence, ms }
}

function rates(tried: readonly Tried[]) {
  const percent = (of: readonly Tried[], is: (one: Tried) => boolean) =>
    of.length === 0 ? null : Math.round((1000 * of.filter(is).length) / of.length) / 10
  const kinds = judgementKinds.map((kind) => [kind, percent(tried, ({ judgement }) => judgement[kind])] as const)
  const sure = [0, 0.5, 0.8, 0.95].map((from, index, all) => {
    const some = tried.filter(({ overall }) => overall >= from && overall < (all[index + 1] ?? 2))
    return { overallFrom: from, services: some.length, found: percent(some, ({ judgement }) => judgement.found) }
  })
  const ms = tried.map((one) => one.ms)
  return {
    ...Object.fromEntries(kinds),
    sure,
    ms: { median: Math.round(percentile(ms, 0.5)), most: Math.round(Math.max(...ms)) },
  }
}
