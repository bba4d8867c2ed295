import { beforeAll, expect, it } from 'vitest'
import { bundled, startChild } from '../support/child.ts'
import { numbersSaid, readLog } from '../support/log-reading.ts'
import { seededRandom } from '../support/random.ts'
import { temporaryDirectory } from '../support/temporary.ts'

let program: string
beforeAll(async () => {
  program = await bundled('tests/faults/local-log-child.ts')
})

it('has everything it acknowledged after twenty kills at random moments, and nothing that was not sent', async () => {
  const random = seededRandom(20)
  const directory = await temporaryDirectory()
  const sent = new Set<number>()
  const acknowledged = new Set<number>()
  const handled = new Set<number>()
  for (let round = 0; round < 20; round++) {
    const mode = random.chance(0.5) ? 'consume' : '-'
    const atOnce = random.pick([1, 8, 64])
    const child = startChild(process.execPath, [
      program,
      directory,
      `${round * 1_000_000}`,
      `${atOnce}`,
      '1000000',
      mode,
    ])
    // Some are killed while they open the log, most under load.
    if (round % 5 === 4) await child.said((line) => line.startsWith('opened'))
    else {
      const enough = random.whole(1, 30 + 20 * atOnce)
      let count = 0
      await child.said((line) => line.startsWith('acknowledged') && ++count >= enough)
    }
    child.process.kill('SIGKILL')
    expect(await child.ended).toMatchObject({ signal: 'SIGKILL' })
    for (const number of numbersSaid(child.lines, 'sent')) sent.add(number)
    for (const number of numbersSaid(child.lines, 'acknowledged')) acknowledged.add(number)
    for (const number of numbersSaid(child.lines, 'handled')) handled.add(number)
    expect(child.lines.filter((line) => line.startsWith('unreadable'))).toEqual([])
    if (round % 4 !== 3) continue
    const { numbers, unreadable, pendingAtOpen } = await readLog(directory)
    expect(unreadable).toEqual([])
    expect(pendingAtOpen).toBe(numbers.length)
    expect(new Set(numbers).size).toBe(numbers.length)
    for (const number of numbers) handled.add(number)
    expect([...acknowledged].filter((number) => !handled.has(number))).toEqual([])
  }
  expect([...handled].filter((number) => !sent.has(number))).toEqual([])
  expect(acknowledged.size).toBeGreaterThan(1000)
})
