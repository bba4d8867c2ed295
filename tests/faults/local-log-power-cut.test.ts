import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { bundled } from '../support/child.ts'
import { numbersSaid, readLog } from '../support/log-reading.ts'
import { overlappingWrites, record, Replay } from '../support/power-cut.ts'
import { seededRandom } from '../support/random.ts'
import type { Kept } from '../support/recorded-disk.ts'
import { canTrace } from '../support/strace.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const cuts = 50

it.skipIf(!canTrace()).each([
  ['while it only grows', '-'],
  ['while it is consumed', 'consume'],
])('has everything it acknowledged after a power cut %s, and reports nothing as unreadable', async (_, mode) => {
  const random = seededRandom(4)
  const work = await temporaryDirectory()
  // Its own directory is made while it is recorded: that must last too.
  const data = join(work, 'data')
  const directory = join(data, 'log')
  const program = await bundled('tests/faults/local-log-child.ts')
  // Little may wait, so that segments are short and several are begun and deleted.
  const bytesMax = mode === 'consume' ? ['600000'] : []
  const recording = await record(data, join(work, 'trace'), [
    process.execPath,
    ...[program, directory, '0', '16', '1500', mode, ...bytesMax],
  ])
  const replay = new Replay(recording)
  const [first, ...others] = overlappingWrites(recording)
  if (first === undefined) throw new Error('the recording has no groups that were under way at once')
  const moments = Array.from({ length: cuts }, (_, cut) =>
    cut % 2 === 0 ? random.whole(0, recording.calls.length) : random.pick([first, ...others]),
  ).sort((a, b) => a - b)
  let acknowledgedInAll = 0
  for (const [cut, moment] of moments.entries()) {
    replay.playTo(moment)
    const said = replay.said
    const kept = random.pick<Kept>(['none', 'none', 'ordered', 'any'])
    const image = join(work, `image-${cut}`)
    await replay.rebuild(kept, random, image)
    const { numbers, unreadable, pendingAtOpen } = await readLog(join(image, 'log'))
    const there = new Set([...numbers, ...numbersSaid(said, 'handled')])
    const acknowledged = numbersSaid(said, 'acknowledged')
    acknowledgedInAll += acknowledged.length
    const sent = new Set(numbersSaid(said, 'sent'))
    const where = `at call ${moment} of ${recording.calls.length}, kept: ${kept}`
    expect(
      acknowledged.filter((number) => !there.has(number)),
      where,
    ).toEqual([])
    expect(
      numbers.filter((number) => !sent.has(number)),
      where,
    ).toEqual([])
    expect(unreadable, where).toEqual([])
    expect(pendingAtOpen, where).toBe(numbers.length)
    await rm(image, { recursive: true })
  }
  expect(acknowledgedInAll).toBeGreaterThan(1000)
})
