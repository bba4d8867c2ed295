import { copyFile, cp, mkdir, open, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { defaultLimits } from '../../domain/limits.ts'
import { openLocalLog } from '../../infra/local-log/open.ts'
import { readLog } from '../support/log-reading.ts'
import { seededRandom, type Random } from '../support/random.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { storedEvent } from '../support/trails.ts'

const segmentFiles = async (directory: string) =>
  (await readdir(directory)).filter((name) => name.endsWith('.log')).sort()

async function withAppended(directory: string, from: number, to: number): Promise<void> {
  const log = await openLocalLog({ directory, limits: defaultLimits })
  for (let number = from; number < to; number++)
    await log.append([storedEvent({ identity: number, step: `step ${'x'.repeat(number % 90)}` })])
  await log.close()
}

/** What a power cut or a kill may leave behind the last byte that was fsynced. */
const tails: Record<string, (random: Random, whole: Buffer) => Buffer> = {
  nothing: () => Buffer.alloc(0),
  zeros: (random) => Buffer.alloc(random.whole(1, 9000)),
  garbage: (random) => Buffer.from(Array.from({ length: random.whole(1, 9000) }, () => random.whole(0, 255))),
  'half an entry': (random, whole) => whole.subarray(32, 32 + random.whole(1, 60)),
  'an entry of another place': (_, whole) => whole.subarray(32),
  'the beginning of a header': () => Buffer.from('WME\u0001'),
}

it.each(Object.keys(tails))(
  'loses nothing and reports nothing when %s stands behind what was fsynced',
  async (kind) => {
    const random = seededRandom(kind.length)
    const directory = await temporaryDirectory()
    await withAppended(directory, 0, 50)
    const other = join(directory, 'other')
    await withAppended(other, 500, 503)
    const foreign = await readFile(join(other, '0000000000000001.log'))
    // Of another segment number, as a reused block would be.
    await withAppended(other, 600, 603)
    const tail = tails[kind]?.(random, kind.startsWith('an entry') ? await lastOf(other) : foreign) ?? Buffer.alloc(0)
    const file = join(directory, (await segmentFiles(directory))[0] ?? '')
    await writeFile(file, Buffer.concat([await readFile(file), tail]))
    const first = await readLog(directory, { keep: true })
    expect(first).toEqual({ numbers: range(0, 50), unreadable: [], pendingAtOpen: 50 })
    // Appends after it, and a third opening: the tail is in the middle now, and still no matter.
    await withAppended(directory, 50, 60)
    expect(await readLog(directory)).toEqual({ numbers: range(0, 60), unreadable: [], pendingAtOpen: 60 })
  },
)

async function lastOf(directory: string): Promise<Buffer> {
  return await readFile(join(directory, (await segmentFiles(directory)).at(-1) ?? ''))
}

it('keeps every whole entry before the place where the file was cut off, at every byte', async () => {
  const directory = await temporaryDirectory()
  const log = join(directory, 'log')
  await withAppended(log, 0, 2)
  const name = (await segmentFiles(log))[0] ?? ''
  const { size } = await stat(join(log, name))
  let before = -1
  for (let length = 0; length <= size; length++) {
    const copy = join(directory, 'copy')
    await mkdir(copy, { recursive: true })
    for (const file of await segmentFiles(copy)) await truncate(join(copy, file), 0)
    await writeFile(join(copy, 'cursor'), Buffer.alloc(1024))
    await copyFile(join(log, name), join(copy, name))
    await truncate(join(copy, name), length)
    const { numbers, unreadable, pendingAtOpen } = await readLog(copy, { keep: true })
    expect(numbers).toEqual(range(0, numbers.length))
    expect(numbers.length).toBeGreaterThanOrEqual(before)
    expect(pendingAtOpen).toBe(numbers.length)
    expect(unreadable).toEqual([])
    before = numbers.length
  }
  expect(before).toBe(2)
})

it('hands over what it acknowledged and cannot read any more, and everything else', async () => {
  const random = seededRandom(3)
  const directory = await temporaryDirectory()
  const log = join(directory, 'log')
  await withAppended(log, 0, 40)
  await withAppended(log, 40, 80)
  for (let round = 0; round < 30; round++) {
    const copy = join(directory, `copy-${round}`)
    await cp(log, copy, { recursive: true, filter: (source) => !source.endsWith('.sock') })
    const [name = ''] = await segmentFiles(copy)
    const file = await open(join(copy, name), 'r+')
    const { size } = await file.stat()
    const length = random.whole(1, 300)
    const at = random.whole(32, size - length)
    await file.write(Buffer.from(Array.from({ length }, () => random.whole(0, 255))), 0, length, at)
    await file.close()
    const { numbers, unreadable, pendingAtOpen } = await readLog(copy)
    expect(unreadable.length).toBeGreaterThan(0)
    expect(numbers.length).toBeLessThan(80)
    expect(numbers.length).toBeGreaterThan(70)
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    expect(numbers.filter((number) => number >= 40)).toEqual(range(40, 80))
    expect(pendingAtOpen).toBeGreaterThanOrEqual(numbers.length)
  }
})

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}
