import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandError, connect, json, type Connection } from '../cli/connection.ts'
import { importFile } from '../cli/import/command.ts'
import { exitCodes, type Start } from '../program.ts'

/**
 * A real log: the receipt phase of environmental permit applications at a Dutch municipality (CoSeLoG project,
 * 2010 to 2012), as the development dependency pm4js ships it. It names no one.
 */
export const receiptsService = 'receipts'

export const receiptsDefinition = {
  name: 'Environmental permit receipts (a real log)',
  department: 'sample-permits',
  timeZone: 'Europe/Amsterdam',
  funnel: {
    steps: [
      'Confirmation of receipt',
      'T02 Check confirmation of receipt',
      'T04 Determine confirmation of receipt',
      'T05 Print and send confirmation of receipt',
      'T06 Determine necessity of stop advice',
      'T10 Determine necessity to stop indication',
    ],
    window: 'P3650D',
  },
}

/** All of the log, and no more. */
export const receiptsPeriod = 'from=2010-01-01&to=2013-01-01'

/** `npm run sample:receipts`: puts the log in, and prints its funnel. */
export async function main({ env, stop }: Start): Promise<number> {
  const tell = (line: string) => process.stderr.write(`${line}\n`)
  try {
    const connection = await connect(env, tell)
    try {
      tell(`into ${connection.to}`)
      await importReceipts(
        connection,
        tell,
        async (ms) => {
          await sleep(ms, undefined, { signal: stop })
        },
        () => stop.aborted,
      )
      await print(connection)
    } finally {
      await connection.close()
    }
    return exitCodes.clean
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error))
    return error instanceof CommandError ? error.exitCode : exitCodes.failed
  }
}

export async function importReceipts(
  connection: Pick<Connection, 'request' | 'data'>,
  tell: (line: string) => void,
  wait: (ms: number) => Promise<void>,
  stopped: () => boolean = () => false,
): Promise<void> {
  const text = JSON.stringify(receiptsDefinition)
  json(await connection.request('PUT', `/v1/services/${receiptsService}`, { text, type: 'application/json' }))
  await importFile(
    { file: logFile(), gzip: false, format: { kind: 'xes', service: receiptsService, attrs: {} } },
    { connection, stdin: process.stdin, terminal: process.stderr.isTTY, now: () => Date.now(), wait, tell, stopped },
  )
}

function logFile(): string {
  try {
    return createRequire(import.meta.url).resolve('pm4js/examples/input_data/receipt.xes')
  } catch (error) {
    throw new CommandError('the log is not installed: it comes with the development dependencies (npm ci)', 1, {
      cause: error,
    })
  }
}

async function print(connection: Connection): Promise<void> {
  const answer = json(await connection.request('GET', `/v1/services/${receiptsService}/funnel?${receiptsPeriod}`)) as {
    totals: { started: number; completed: number; completionRate: { value: number } | null }
    steps: { name: string; entered: number }[]
  }
  for (const { name, entered } of answer.steps) process.stdout.write(`${String(entered).padStart(6)}  ${name}\n`)
  const rate = answer.totals.completionRate
  process.stdout.write(`completion rate ${rate === null ? 'not known yet' : rate.value.toFixed(4)}\n`)
}
