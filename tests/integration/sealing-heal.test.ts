import { expect, it } from 'vitest'
import { openAnswering } from '../support/answering.ts'
import { insertFacts } from '../support/facts.ts'
import type { OracleJourney } from '../support/oracle.ts'
import { openSealing } from '../support/sealing.ts'

const begin = Date.UTC(2026, 2, 2, 9)
const stepsSeen = ['start', 'middle', 'done']

function journeyTo(index: number, depth: number): OracleJourney {
  return {
    journey: (index * 0x9e3779b9 + 1).toString(16).padStart(16, '0'),
    events: stepsSeen.slice(0, depth).map((step, at) => ({
      type: 'step' as const,
      step,
      at: begin + index * 1000 + at * 60_000,
      seq: 0,
      outcome: '' as const,
      dimensions: {},
    })),
  }
}

it('counts facts that a crash kept from being noted, once the next program has started', async () => {
  const answering = await openAnswering(begin + 30 * 86_400_000)
  try {
    const service = await answering.putService('renew', { name: 'Renew', funnel: { steps: stepsSeen } })
    const first = await openSealing(answering)
    await first.write(
      service,
      Array.from({ length: 50 }, (_, index) => journeyTo(index, 2)),
    )
    await first.seal()

    // Ten of them finish: their past is noted and their facts are written, and then the program is gone.
    const { ownFunnels, unsealed, revisions } = first.parts
    const finished = Array.from({ length: 10 }, (_, index) => journeyTo(index, 3))
    const journeys = finished.map(({ journey }) => BigInt(`0x${journey}`))
    await unsealed.before([{ service: service.id, own: await ownFunnels(service.id), journeys }])
    await insertFacts(answering.stores, service, finished, revisions.next())
    const completed = async () => {
      const { totals } = await answering.questions.funnel({ service, from: '2026-03-01', to: '2026-03-10' })
      return [totals.started, totals.completed]
    }
    // Else nothing would be left to heal.
    expect(await completed()).toEqual([50, 0])

    await openSealing(answering)
    expect(await completed()).toEqual([50, 10])
  } finally {
    await answering.close()
  }
}, 60_000)
