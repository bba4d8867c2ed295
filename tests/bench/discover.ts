import { discover as discovered, funnelOf } from '../../domain/discovery/discover.ts'
import { discoveryLog } from '../support/discovery-log.ts'
import { generatedService } from '../support/generated-services.ts'
import { judged, type Judgement } from '../support/judged-discovery.ts'

const kinds = ['steps', 'order', 'mandatory', 'optional', 'branches', 'grouped', 'clean', 'ends', 'found'] as const

/** How many of generated services have their true funnel found again, by kind of fault and by amount of noise. */
export function discover(): Promise<unknown> {
  const table = [0, 0.1, 0.2].map((noise) => rates(noise, noise === 0.1 ? 500 : 100))
  return Promise.resolve({ services: table })
}

function rates(noise: number, seeds: number) {
  const judgements: Judgement[] = []
  let ms = 0
  for (let seed = 1; seed <= seeds; seed += 1) {
    const service = generatedService(seed, { noise })
    const log = discoveryLog(service.journeys)
    const begun = performance.now()
    const result = discovered(log)
    ms += performance.now() - begun
    const judgement = judged(service, result.noSuggestion === null ? funnelOf(result, 'P7D') : null)
    judgements.push(judgement)
    if (!judgement.found || process.argv.includes('-v')) {
      process.stdout.write(
        `  seed ${seed} noise ${noise} conf ${result.confidence.order.toFixed(2)} ${result.confidence.overall.toFixed(2)} n ${service.journeys.length} b ${service.truth.blocks.length}: ${judgement.faults.slice(0, 5).join('; ')}\n`,
      )
    }
  }
  const share = (kind: (typeof kinds)[number]) => judgements.filter((judgement) => judgement[kind]).length / seeds
  const first = judgements.slice(0, 100).filter(({ found }) => found).length
  return {
    noise,
    seeds,
    firstHundred: first,
    msEach: ms / seeds,
    ...Object.fromEntries(kinds.map((kind) => [kind, share(kind)])),
  }
}
