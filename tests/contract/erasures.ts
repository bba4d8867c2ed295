import { describe, expect, it } from 'vitest'
import type { Erasure, Erasures } from '../../domain/ports/erasures.ts'

const erasure = (service: string, journey: string, at = 1_800_000_000_000): Erasure => ({ service, journey, at })

const journeys = ['0000000000000000', '00000000000000ff', '7fffffffffffffff', '8000000000000000', 'ffffffffffffffff']

/**
 * What every list of erasures does, whatever keeps it. `open` gives an empty one each time, `reopen` what a restart
 * would find of it; `undefined` where nothing outlives the process.
 */
export function erasuresContract(
  name: string,
  open: () => Promise<Erasures>,
  reopen: (() => Promise<Erasures>) | undefined,
): void {
  describe(`${name}: erasures`, () => {
    it('has none at first', async () => {
      const erasures = await open()
      expect(erasures.size()).toBe(0)
      expect(erasures.has('fishing', journeys[0] ?? '')).toBe(false)
      expect(await erasures.list({ limit: 10 })).toEqual([])
    })

    it('has what was added, of its own service only, whatever the number', async () => {
      const erasures = await open()
      await erasures.add(journeys.map((journey) => erasure('fishing', journey)))
      for (const journey of journeys) {
        expect(erasures.has('fishing', journey)).toBe(true)
        expect(erasures.has('visas', journey)).toBe(false)
      }
      expect(erasures.has('fishing', '0000000000000001')).toBe(false)
      expect(erasures.size()).toBe(journeys.length)
    })

    it('keeps one of each, with its earliest time', async () => {
      const erasures = await open()
      await erasures.add([erasure('fishing', 'aaaaaaaaaaaaaaaa', 2000)])
      await erasures.add([erasure('fishing', 'aaaaaaaaaaaaaaaa', 3000)])
      await erasures.add([erasure('fishing', 'aaaaaaaaaaaaaaaa', 1000)])
      expect(erasures.size()).toBe(1)
      expect(await erasures.list({ limit: 10 })).toEqual([erasure('fishing', 'aaaaaaaaaaaaaaaa', 1000)])
    })

    it('takes an empty list', async () => {
      const erasures = await open()
      await erasures.add([])
      expect(erasures.size()).toBe(0)
    })

    it('lists them page by page, in the order of service and journey', async () => {
      const erasures = await open()
      const all = ['fishing', 'visas'].flatMap((service) => journeys.map((journey) => erasure(service, journey)))
      await erasures.add([...all].reverse())
      const listed: Erasure[] = []
      for (;;) {
        const page = await erasures.list({ after: listed.at(-1), limit: 3 })
        if (page.length === 0) break
        expect(page.length).toBeLessThanOrEqual(3)
        listed.push(...page)
      }
      expect(listed).toEqual(all)
      // A place in the list need not be taken.
      expect(await erasures.list({ after: { service: 'fishing', journey: '0000000000000001' }, limit: 1 })).toEqual([
        erasure('fishing', '00000000000000ff'),
      ])
    })

    if (reopen === undefined) return
    it('has them after a restart', async () => {
      const erasures = await open()
      await erasures.add([
        ...journeys.map((journey) => erasure('fishing', journey)),
        erasure('visas', 'abababababababab'),
      ])
      const again = await reopen()
      expect(again.size()).toBe(journeys.length + 1)
      for (const journey of journeys) expect(again.has('fishing', journey)).toBe(true)
      expect(again.has('visas', 'abababababababab')).toBe(true)
      expect(again.has('visas', journeys[1] ?? '')).toBe(false)
    })
  })
}
