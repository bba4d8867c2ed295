import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defaultLimits } from '../../domain/limits.ts'
import type { EventLog } from '../../domain/ports/event-log.ts'
import { entryAt, headerBytes, stampEntry, writeHeader } from '../../infra/local-log/entry.ts'
import { openLocalLog, type LocalLogOptions } from '../../infra/local-log/open.ts'
import { readBytes, segmentHeaderBytes } from '../../infra/local-log/segment.ts'
import { bundled, startChild } from '../support/child.ts'
import { readLog } from '../support/log-reading.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { storedEvent } from '../support/trails.ts'

const event = (identity: number) => storedEvent({ identity, step: 'x'.repeat(100) })

async function opened(directory: string, limits: Partial<LocalLogOptions['limits']> = {}): Promise<EventLog> {
  return await openLocalLog({ directory, limits: { ...defaultLimits, ...limits } })
}

/** Takes everything that waits. */
async function drain(log: EventLog): Promise<number[]> {
  const numbers: number[] = []
  const stop = new AbortController()
  await log.consume(
    async ({ events }) => {
      numbers.push(...events.map(({ identity }) => identity))
      if (log.pending().events === events.length) stop.abort()
    },
    stop.signal,
    1000,
  )
  return numbers
}

describe('the bounds of the local log', () => {
  it('refuses what would not fit, until something is forgotten; what it refused is not stored', async () => {
    const log = await opened(await temporaryDirectory(), { logBytesMax: 100_000 })
    let taken = 0
    for (let refused = false; !refused;)
      await log.append([event(taken)]).then(
        () => taken++,
        (error: unknown) => {
          refused = true
          expect(error).toMatchObject({
            code: 'too-many',
            retriable: true,
            retryAfterSeconds: expect.any(Number) as number,
          })
        },
      )
    expect(log.pending().bytes).toBeLessThanOrEqual(100_000)
    expect(log.pending().bytes).toBeGreaterThan(99_000)
    expect(await drain(log)).toEqual(Array.from({ length: taken }, (_, number) => number))
    await log.append([event(taken)])
    expect(log.pending().events).toBe(1)
    await log.close()
  })

  it('refuses the request past those that may wait for the disk, and only that', async () => {
    const log = await opened(await temporaryDirectory(), { appendsInFlightMax: 10 })
    const settled = await Promise.allSettled(Array.from({ length: 11 }, (_, number) => log.append([event(number)])))
    expect(settled.map(({ status }) => status)).toEqual([...Array.from({ length: 10 }, () => 'fulfilled'), 'rejected'])
    expect(settled[10]).toMatchObject({ reason: { code: 'too-many', retryAfterSeconds: 1 } })
    await log.append([event(11)])
    expect(log.pending().events).toBe(11)
    await log.close()
  })

  it('holds no more on the disk than what waits and two segments, however much goes through', async () => {
    const directory = await temporaryDirectory()
    const log = await opened(directory, { logBytesMax: 400_000 })
    let largest = 0
    for (let round = 0; round < 30; round++) {
      await Promise.all(Array.from({ length: 300 }, (_, number) => log.append([event(round * 300 + number)])))
      await drain(log)
      largest = Math.max(largest, await bytesIn(directory))
    }
    expect(largest).toBeLessThan(300_000)
    await log.close()
  })
})

describe('a log that rolls on', () => {
  const holding = async (directory: string, text: string): Promise<string[]> => {
    const found: string[] = []
    for (const name of await readdir(directory))
      if ((await stat(join(directory, name))).isFile() && (await readFile(join(directory, name))).includes(text))
        found.push(name)
    return found
  }

  it('has no byte on the disk of what was handled, and has what was not', async () => {
    const directory = await temporaryDirectory()
    const log = await opened(directory)
    await log.append([storedEvent({ identity: 1, step: 'handled' })])
    await drain(log)
    expect(await holding(directory, 'handled')).toHaveLength(1)
    await log.roll()
    await log.append([storedEvent({ identity: 2, step: 'next' }), storedEvent({ identity: 3, step: 'next' })])
    await log.append([storedEvent({ identity: 4, step: 'waiting' })])
    let during: string[] = []
    const stop = new AbortController()
    await log.consume(
      async ({ events }) => {
        during = await holding(directory, 'handled')
        if (events[0]?.identity === 4) stop.abort()
      },
      stop.signal,
      2,
    )
    expect(during).toEqual([])
    await log.append([storedEvent({ identity: 5, step: 'waiting' })])
    await log.roll()
    expect(await holding(directory, 'waiting')).toHaveLength(1)
    await log.close()
    const again = await opened(directory)
    expect(await drain(again)).toEqual([5])
    await again.close()
  })

  it('goes when nothing more comes', async () => {
    const directory = await temporaryDirectory()
    const log = await opened(directory)
    const stop = new AbortController()
    const consumed = log.consume(() => Promise.resolve(), stop.signal, 10)
    await log.append([storedEvent({ identity: 1, step: 'handled' })])
    await log.roll()
    while ((await holding(directory, 'handled')).length > 0) await new Promise((resolve) => setImmediate(resolve))
    stop.abort()
    await consumed
    await log.close()
  })
})

describe('where the local log is', () => {
  it.each(['l', 'log', 'a/b/c'])('may be said relative to where the program runs: %s', async (name) => {
    const before = process.cwd()
    process.chdir(await temporaryDirectory())
    try {
      const log = await opened(name)
      await log.append([event(1)])
      await log.close()
      expect((await readLog(name)).numbers).toEqual([1])
    } finally {
      process.chdir(before)
    }
  })
})

describe('who may open the local log', () => {
  it('refuses a second opener and says what to do, in this process and in another', async () => {
    const directory = await temporaryDirectory()
    const log = await opened(directory)
    await expect(opened(directory)).rejects.toMatchObject({ code: 'log-locked', retriable: false })
    await expect(opened(directory)).rejects.toThrow(/stop it, or give this one another data directory/)
    const program = await bundled('tests/faults/local-log-child.ts')
    const second = await startChild(process.execPath, [program, directory]).ended
    expect(second.code).not.toBe(0)
    expect(second.errors).toContain('LogLocked')
    await log.append([event(1)])
    await log.close()
    expect((await readLog(directory)).numbers).toEqual([1])
  })

  it('opens after an owner that is gone, and leaves nothing of it', async () => {
    const directory = await temporaryDirectory()
    const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
    const name = 'lock-000000000000.sock'
    expect(spawnSync(process.execPath, ['-e', script, join(directory, name)]).signal).toBe('SIGKILL')
    expect(await readdir(directory)).toContain(name)
    const log = await opened(directory)
    expect(await readdir(directory)).not.toContain(name)
    await log.close()
    expect((await readdir(directory)).filter((file) => file.endsWith('.sock'))).toEqual([])
  })

  it('sees an owner whatever the length of the path', async () => {
    const directory = join(await temporaryDirectory(), 'a'.repeat(90), 'b'.repeat(90))
    const log = await opened(directory)
    await expect(opened(directory)).rejects.toMatchObject({ code: 'log-locked' })
    await log.close()
    await (await opened(directory)).close()
  })

  it('takes a file that only looks like a lock for none', async () => {
    const directory = await temporaryDirectory()
    const server = createServer().listen(join(directory, 'waymark.sock'))
    await writeFile(join(directory, 'lock-of-mine'), '')
    await (await opened(directory)).close()
    expect(await readdir(directory)).toContain('lock-of-mine')
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('what the local log finds', () => {
  it('starts from the oldest segment when the cursor cannot be read: events come again, none is lost', async () => {
    const directory = await temporaryDirectory()
    const log = await opened(directory)
    for (let number = 0; number < 4; number++) await log.append([event(number)])
    expect(await drain(log)).toEqual([0, 1, 2, 3])
    await log.append([event(4)])
    await log.close()
    await writeFile(join(directory, 'cursor'), Buffer.alloc(1024, 0xff))
    expect((await readLog(directory)).numbers).toEqual([0, 1, 2, 3, 4])
  })

  it('never uses a number again, so an old cursor hides nothing', async () => {
    const directory = await temporaryDirectory()
    for (let round = 0; round < 4; round++) {
      const log = await opened(directory)
      await log.append([event(round)])
      expect(await drain(log)).toEqual([round])
      await log.close()
    }
    const log = await opened(directory)
    await log.append([event(9)])
    await log.close()
    expect(
      (await readdir(directory))
        .sort()
        .filter((name) => name.endsWith('.log'))
        .at(-1),
    ).toBe('0000000000000005.log')
    expect((await readLog(directory)).numbers).toEqual([9])
  })

  it('sets aside an entry of a later format, and one whose text is no events', async () => {
    const directory = await temporaryDirectory()
    await mkdir(directory, { recursive: true })
    const entries = [
      entry('[["s","0000000000000001",1,0,"start",1,0,0,[]]]', 1),
      entry('[["s","0000000000000001",2,0,"start",1,0,0,[]]]', 1, 2),
      entry('[["s","0000000000000001",3,"unknown-type","start",1,0,0,[]]]', 1),
      entry('{"not":"events"}', 1),
      entry('[["s","0000000000000001",4,0,"start",1,0,0,[]]]', 1),
    ]
    await writeFile(
      join(directory, '0000000000000001.log'),
      Buffer.concat([Buffer.alloc(segmentHeaderBytes), ...entries]),
    )
    // The one behind says where this one ends, as it would after a restart.
    const log = await opened(directory)
    await log.append([event(5)])
    await log.close()
    const { numbers, unreadable } = await readLog(directory)
    expect(numbers).toEqual([1, 4, 5])
    expect(unreadable).toEqual([
      'format version 2',
      'cannot be decoded: a word is unknown',
      'cannot be decoded: not a list of events',
    ])
  })

  it('says that bytes are missing when a file has become shorter than what was acknowledged', async () => {
    const directory = await temporaryDirectory()
    for (const number of [1, 2, 3]) {
      const log = await opened(directory)
      await log.append([event(number)])
      await log.close()
    }
    await writeFile(join(directory, '0000000000000002.log'), '')
    const { numbers, unreadable } = await readLog(directory)
    expect(numbers).toEqual([1, 3])
    expect(unreadable).toEqual([expect.stringContaining('bytes are missing')])
  })
})

describe('a block that the disk cannot read', () => {
  it('is zeros, and what stands around it is read', async () => {
    const content = Buffer.alloc(20_000, 7)
    const broken = { from: 8192, to: 12_288 }
    const file = {
      read: async (into: Buffer, at: number, length: number, position: number) => {
        const to = Math.min(position + length, content.length)
        if (position < broken.to && to > broken.from) throw Object.assign(new Error('input/output'), { code: 'EIO' })
        return { bytesRead: content.copy(into, at, position, to) }
      },
    }
    const expected = Buffer.from(content).fill(0, broken.from, broken.to)
    expect(expected.equals(await readBytes(file, 0, 30_000))).toBe(true)
    expect(expected.subarray(5000, 15_000).equals(await readBytes(file, 5000, 10_000))).toBe(true)
  })
})

/** An entry as it would stand in segment 1. */
function entry(text: string, events: number, version = 1): Buffer {
  const buffer = Buffer.alloc(headerBytes + Buffer.byteLength(text))
  buffer.write(text, headerBytes)
  writeHeader({ buffer, offset: 0 }, Buffer.byteLength(text), events, 1000)
  buffer[3] = version
  stampEntry({ buffer, offset: 0 }, segmentHeaderBytes, 1)
  expect(entryAt(buffer, 0, 1, true).kind).toBe(version === 1 ? 'entry' : 'unreadable')
  return buffer
}

async function bytesIn(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.log'))
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
