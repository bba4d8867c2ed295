import { expect, it } from 'vitest'
import { defaultLimits } from '../../domain/limits.ts'
import { openAnswering } from '../support/answering.ts'
import type { OracleJourney } from '../support/oracle.ts'
import { hurried, openSealing } from '../support/sealing.ts'

const values = 10_000
/** Values that more than one journey has: those have rows of their own before all others. */
const common = { mobile: 60, desktop: 40 } as const
const started = values + common.mobile + common.desktop
const begin = Date.UTC(2026, 2, 2, 9)

/** Of two steps, the second taken by every other journey. */
function journeysOf(): readonly OracleJourney[] {
  const kinds = [
    ...Object.entries(common).flatMap(([value, count]) => Array.from({ length: count }, () => value)),
    ...Array.from({ length: values }, (_, index) => `value-${index}`),
  ]
  return kinds.map((kind, index) => {
    const event = (step: string, at: number) => ({
      type: 'step' as const,
      step,
      at: begin + index * 1000 + at,
      seq: 0,
      outcome: '' as const,
      dimensions: { kind },
    })
    return {
      journey: (index * 0x9e3779b9 + 1).toString(16).padStart(16, '0'),
      events: [event('start', 0), ...(index % 2 === 0 ? [event('done', 60_000)] : [])],
    }
  })
}

it.each(['journey by journey', 'from sealed tallies'])(
  'says the top of ten thousand values, and all others as one row: %s',
  async (how) => {
    const answering = await openAnswering(begin + 30 * 86_400_000)
    try {
      const service = await answering.putService('renew', {
        name: 'Renew',
        dimensions: ['kind'],
        funnel: { steps: ['start', 'done'] },
      })
      const sealing = await openSealing(answering, { ...hurried, chunkJourneys: values })
      await sealing.write(service, journeysOf())
      if (how === 'from sealed tallies') await sealing.seal()
      const { totals, breakdown = [] } = await answering.questions.funnel({
        service,
        from: '2026-03-01',
        to: '2026-03-10',
        breakdown: 'kind',
      })
      expect(totals.started).toBe(started)
      expect(breakdown).toHaveLength(defaultLimits.breakdownRowsMax + 1)
      expect(breakdown.slice(0, 2).map((row) => [row.value, row.totals.started])).toEqual([
        ['mobile', common.mobile],
        ['desktop', common.desktop],
      ])
      const last = breakdown.at(-1)
      const alone = defaultLimits.breakdownRowsMax - Object.keys(common).length
      expect(last).toMatchObject({ value: null, other: true, totals: { started: values - alone } })
      expect(breakdown.filter(({ other }) => other === true)).toHaveLength(1)
      for (const name of ['started', 'completed', 'abandoned'] as const)
        expect(breakdown.reduce((sum, row) => sum + row.totals[name], 0)).toBe(totals[name])
      expect(last?.steps[1]?.secondsFromPrevious).toEqual({ median: 60, p90: 60 })
    } finally {
      await answering.close()
    }
  },
  60_000,
)
