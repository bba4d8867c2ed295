import { describe, expect, it } from 'vitest'
import { shape } from '../../domain/limits.ts'
import type { Annotations } from '../../domain/ports/annotations.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import { movableClock } from './registry.ts'

const release = { kind: 'release', label: 'Version 12' } as const

/** What every keeper of annotations does. `open` gives an empty one each time. */
export function annotationsContract(name: string, open: (options: { clock: Clock }) => Promise<Annotations>): void {
  const opened = async () => {
    const clock = movableClock(Date.UTC(2026, 0, 5, 12))
    return { clock, annotations: await open({ clock }) }
  }
  describe(name, () => {
    it('has none at first', async () => {
      const { annotations } = await opened()
      expect(await annotations.of('fishing')).toEqual([])
      expect(await annotations.remove('fishing', 'v12')).toBe(false)
    })

    it('keeps one as it was given, now unless it says when, under an id of its own unless it has one', async () => {
      const { annotations, clock } = await opened()
      const first = await annotations.add('fishing', { ...release, id: 'v12', at: 5 })
      const annotation = { ...release, id: 'v12', at: 5, createdAt: clock.now() }
      expect(first).toEqual({ annotation, created: true })
      const second = await annotations.add('fishing', release)
      expect(second?.annotation).toMatchObject({ ...release, at: clock.now() })
      const third = await annotations.add('fishing', release)
      expect(third?.annotation.id).not.toBe(second?.annotation.id)
      expect(await annotations.of('fishing')).toContainEqual(annotation)
      expect(await annotations.of('fishing')).toHaveLength(3)
      expect(await annotations.of('hunting')).toEqual([])
    })

    it('takes the same id again for the same annotation, which stays as it is', async () => {
      const { annotations, clock } = await opened()
      const first = await annotations.add('fishing', { ...release, id: 'v12' })
      clock.advance(1000)
      const again = await annotations.add('fishing', { kind: 'incident', label: 'Other', id: 'v12' })
      expect(again).toEqual({ annotation: first?.annotation, created: false })
      expect(await annotations.of('fishing')).toEqual([first?.annotation])
      expect((await annotations.add('hunting', { ...release, id: 'v12' }))?.created).toBe(true)
    })

    it('keeps one of two that come at once with one id', async () => {
      const { annotations } = await opened()
      const both = await Promise.all(
        ['one', 'other'].map((label) => annotations.add('fishing', { ...release, label, id: 'v12' })),
      )
      expect(both.filter((result) => result?.created === true)).toHaveLength(1)
      expect(await annotations.of('fishing')).toHaveLength(1)
    })

    it('lists the latest first, then by id', async () => {
      const { annotations } = await opened()
      for (const [id, at] of [
        ['b', 2],
        ['c', 3],
        ['a', 2],
        ['d', 1],
      ] as const)
        await annotations.add('fishing', { ...release, id, at })
      expect((await annotations.of('fishing')).map(({ id }) => id)).toEqual(['c', 'a', 'b', 'd'])
    })

    it('forgets one that is removed, whose id may be used anew', async () => {
      const { annotations } = await opened()
      await annotations.add('fishing', { ...release, id: 'v12' })
      expect(await annotations.remove('hunting', 'v12')).toBe(false)
      expect(await annotations.remove('fishing', 'v12')).toBe(true)
      expect(await annotations.remove('fishing', 'v12')).toBe(false)
      expect(await annotations.of('fishing')).toEqual([])
      const anew = await annotations.add('fishing', { kind: 'incident', label: 'Other', id: 'v12' })
      expect(anew?.created).toBe(true)
      expect(await annotations.of('fishing')).toEqual([anew?.annotation])
    })
  })
}

/** Up to the limit and one past it. */
export async function fillAnnotations(annotations: Annotations): Promise<void> {
  for (let made = 0; made < shape.annotationsMax; made += 1)
    expect((await annotations.add('full', { ...release, id: `v${made}` }))?.created).toBe(true)
  expect(await annotations.add('full', release)).toBeNull()
  expect((await annotations.add('full', { ...release, id: 'v7' }))?.created).toBe(false)
  await annotations.remove('full', 'v7')
  expect((await annotations.add('full', release))?.created).toBe(true)
}
