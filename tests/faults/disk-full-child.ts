import { rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { LogUnavailable } from '../../domain/errors.ts'
import { defaultLimits } from '../../domain/limits.ts'
import { openLocalLog } from '../../infra/local-log/open.ts'
import { storedEvent } from '../support/trails.ts'

/**
 * On a small file system of its own: fills it, goes on while it is full, and says what it saw as one JSON line.
 *
 * Arguments: directory; how space comes back: `ballast` (another file goes) or `consumer` (the log's own is
 * forgotten).
 */
const [directory = '', way = 'ballast'] = process.argv.slice(2)
const ballast = join(directory, 'ballast')
writeFileSync(ballast, Buffer.alloc(way === 'ballast' ? 4_000_000 : 0, 1))

const logDirectory = join(directory, 'log')
const open = () => openLocalLog({ directory: logDirectory, limits: defaultLimits })
const log = await open()
const acknowledged: number[] = []
const refusals: string[] = []
let number = 0
let unexpected: unknown

async function append(): Promise<boolean> {
  const identity = number++
  try {
    await log.append(Array.from({ length: 10 }, () => storedEvent({ identity, step: 'x'.repeat(100) })))
    acknowledged.push(identity)
    return true
  } catch (error) {
    if (error instanceof LogUnavailable) refusals.push(`${error.message}, ${error.retryAfterSeconds} s`)
    else unexpected = error
    return false
  }
}

while (unexpected === undefined && (await Promise.all(Array.from({ length: 50 }, append))).every(Boolean));
const full = [...(await Promise.all(Array.from({ length: 20 }, append))), await append()]
const pendingWhenFull = log.pending()

const handled: number[] = []
const collect = (events: readonly { identity: number }[]): number =>
  handled.push(...events.map(({ identity }) => identity))
if (way === 'ballast') rmSync(ballast)
else {
  const stop = new AbortController()
  await log.consume(
    async ({ events }) => {
      collect(events)
      if (log.pending().events === events.length) stop.abort()
    },
    stop.signal,
    10_000,
  )
}
// The clients' retries are what finds out that there is space.
const afterwards = [await append(), await append(), await append()]
await log.close()

const again = await open()
const stop = new AbortController()
await again.consume(
  async ({ events, unreadable }) => {
    collect(events)
    for (const { reason } of unreadable) refusals.push(`unreadable: ${reason}`)
    if (again.pending().events === events.length) stop.abort()
  },
  stop.signal,
  1_000_000,
)
await again.close()
const answer = {
  acknowledged: acknowledged.length,
  lost: acknowledged.filter((one) => !handled.includes(one)).length,
  pendingExact: pendingWhenFull.events === 10 * acknowledged.filter((one) => one < number - 3).length,
  takenWhenFull: full.filter(Boolean).length,
  refusals: [...new Set(refusals)],
  afterwards,
  unexpected: unexpected instanceof Error ? unexpected.message : null,
}
writeSync(1, `${JSON.stringify(answer)}\n`)
