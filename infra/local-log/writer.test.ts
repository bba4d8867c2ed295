import { open } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { LogUnavailable } from '../../domain/errors.ts'
import { readLog } from '../../tests/support/log-reading.ts'
import { temporaryDirectory } from '../../tests/support/temporary.ts'
import { storedEvent } from '../../tests/support/trails.ts'
import { createSegment, OpenSegment } from './open-segment.ts'
import type { LogState } from './state.ts'
import { Writer } from './writer.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('acknowledges none of the groups behind one that failed, and goes on in a new segment', async () => {
  const directory = await temporaryDirectory()
  const state: LogState = {
    directory,
    segments: [],
    head: { segment: 0, offset: 0 },
    events: 0,
    bytes: 0,
    oldestAt: null,
    wake: () => undefined,
  }
  const options = { logBytesMax: 1e6, appendsInFlightMax: 100, segmentBytes: 1e6, firstNumber: 1 }
  // The second group fails: that opening of the first segment is for reading only.
  const writer = new Writer(state, { now: () => 1 }, options, async (...args) => {
    const opened = await createSegment(...args)
    const { file, number } = opened.segment
    if (number > 1) return opened
    await opened.close()
    const failing = new OpenSegment(
      opened.segment,
      await Promise.all(['r+', 'r', 'r+'].map((flag) => open(file, flag))),
    )
    failing.next = opened.next
    return failing
  })
  const answers: string[] = []
  const append = (identity: number): Promise<unknown> =>
    writer.append([storedEvent({ identity })]).then(
      () => answers.push(`kept ${identity}`),
      (error: unknown) => answers.push(error instanceof LogUnavailable ? `failed ${identity}` : String(error)),
    )
  // The segment is begun first, so that the groups behind it are under way at once.
  const appends = [append(1)]
  await appends[0]
  for (const identity of [2, 3, 4]) {
    appends.push(append(identity))
    await turn()
  }
  await Promise.all(appends)
  await append(5)
  await writer.close()

  expect(answers.slice(0, 2)).toEqual(['kept 1', 'failed 2'])
  expect(answers.map((answer) => Number(answer.split(' ')[1]))).toEqual([1, 2, 3, 4, 5])
  expect(answers.at(-1)).toBe('kept 5')
  const kept = answers.filter((answer) => answer.startsWith('kept')).map((answer) => Number(answer.split(' ')[1]))
  expect(state.events).toBe(kept.length)
  expect(state.segments.map(({ number }) => number)).toEqual([1, 2])
  const { numbers, unreadable } = await readLog(directory)
  expect(unreadable).toEqual([])
  expect(numbers).toEqual(kept)
})
