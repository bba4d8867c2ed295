import { writeSync } from 'node:fs'
import { LogFull, LogUnavailable } from '../../domain/errors.ts'
import { defaultLimits } from '../../domain/limits.ts'
import { openLocalLog } from '../../infra/local-log/open.ts'
import { storedEvent } from '../support/trails.ts'

/**
 * Appends without end, and says what it sends (`sent N`) and what was acknowledged (`acknowledged N`); with
 * `consume` it also handles, and says so (`handled N`) before it lets the log forget.
 *
 * Arguments: directory, first number, appends at once, appends in all, `consume` or `-`, bytes the log may hold.
 */
const [directory = '', first = '0', atOnce = '1', appends = '0', mode = '-', logBytesMax] = process.argv.slice(2)

// Before the next thing happens: what was said is said, whatever kills the process then.
const say = (line: string): void => void writeSync(1, `${line}\n`)

const log = await openLocalLog({
  directory,
  limits: {
    ...defaultLimits,
    logBytesMax: logBytesMax === undefined ? defaultLimits.logBytesMax : Number(logBytesMax),
  },
})
say(`opened ${log.pending().events}`)

const stop = new AbortController()
const consumed =
  mode === 'consume'
    ? log.consume(
        async ({ events, unreadable }) => {
          for (const { identity } of events) say(`handled ${identity}`)
          for (const { reason } of unreadable) say(`unreadable ${reason}`)
        },
        stop.signal,
        100,
      )
    : undefined

let next = Number(first)
const last = next + Number(appends)

async function appender(): Promise<void> {
  while (next < last) {
    const number = next++
    // Not all in step with each other, so that groups meet on their way to the disk.
    for (let turns = number % 5; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
    say(`sent ${number}`)
    try {
      await log.append([storedEvent({ identity: number, step: `step ${'x'.repeat(number % 200)}` })])
      say(`acknowledged ${number}`)
    } catch (error) {
      if (!(error instanceof LogFull || error instanceof LogUnavailable)) throw error
      say(`refused ${number} ${error.code}`)
    }
  }
}

await Promise.all(Array.from({ length: Number(atOnce) }, () => appender()))
stop.abort()
await consumed
await log.close()
say('closed')
