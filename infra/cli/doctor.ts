import type { Command } from 'commander'
import type { Check } from '../../domain/check.ts'
import { readConfig, settings } from '../config.ts'
import { lookAtServer } from '../clickhouse/server-database.ts'
import { ConfigError } from '../config-error.ts'
import { lookAtBrokers } from '../kafka/look.ts'
import { errorLine, type Start } from '../program.ts'
import type { EdgeDifference, FactDifference, TallyDifference, Verification } from '../../domain/verification.ts'
import { CommandError, json } from './connection.ts'
import type { Cli } from './main.ts'

const signs = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' } as const

/** `waymark doctor`: each check a line, with what to do. */
export function addDoctor(waymark: Command, cli: Cli): void {
  waymark
    .command('doctor')
    .description('looks at settings, disk, event log, engine, processor and versions; exit code 1 when something fails')
    .option('--json', 'as one JSON object')
    .option('--verify', 'computes facts and tallies anew from the trails and compares; exit code 1 when any differs')
    .option('--service <id>', 'with --verify: only this one')
    .option('--from <time>', 'with --verify: from this date or instant on')
    .option('--to <time>', 'with --verify: until before this date or instant')
    .action(async ({ json: asJson, verify, ...asked }: DoctorFlags) => {
      if (verify === true) return verified(cli, asked, asJson === true)
      const [needless] = Object.keys(asked)
      if (needless !== undefined) throw new CommandError(`--${needless} needs --verify`, 2)
      const checks = [...settingsChecks(cli.env), versions()]
      if (checks.every(({ state }) => state !== 'fail'))
        checks.push(...(await outside(cli.env)), ...(await served(cli)))
      if (asJson === true) cli.print(JSON.stringify({ checks }))
      else for (const check of checks) cli.print(line(check))
      if (checks.some(({ state }) => state === 'fail')) cli.fail()
    })
}

interface DoctorFlags extends VerifyFlags {
  readonly json?: true
  readonly verify?: true
}

interface VerifyFlags {
  readonly service?: string
  readonly from?: string
  readonly to?: string
}

/** As the call gives it. */
interface Verified extends Omit<Verification, 'from' | 'to' | 'listed'> {
  readonly from: string | null
  readonly to: string | null
  readonly listed: readonly (
    (Omit<TallyDifference, 'bucket' | 'key'> & { bucket: string; key: string }) | FactDifference | EdgeDifference
  )[]
}

/** `waymark doctor --verify`: each service a line, and under it the first of what differs. */
async function verified(cli: Cli, asked: VerifyFlags, asJson: boolean): Promise<void> {
  const query = new URLSearchParams(Object.entries(asked)).toString()
  const path = `/v1/doctor/verify${query === '' ? '' : `?${query}`}`
  const { services } = await cli.connected(
    async (connection) => json(await connection.request('GET', path)) as { services: Verified[] },
  )
  if (asJson) cli.print(JSON.stringify({ services }))
  else for (const one of services) for (const text of verifiedLines(one)) cli.print(text)
  if (services.some(({ differences, daysUnsettled }) => differences > 0 || daysUnsettled > 0)) cli.fail()
}

function verifiedLines(one: Verified): readonly string[] {
  const { service, differences, daysUnsettled, notJudged, listed } = one
  if (one.from === null || one.to === null) return [`${signs.ok}  ${service}: nothing in this period`]
  const sign = differences > 0 ? signs.fail : daysUnsettled > 0 ? signs.warn : signs.ok
  const of = one.sealed ? `${one.hours} hours and ${one.journeys} journeys` : `${one.journeys} journeys, no tallies yet`
  return [
    `${sign}  ${service}: ${of} compared, ${one.from} to ${one.to}: ${differences} differences`,
    ...(notJudged > 0 ? [`        ${notJudged} long journeys: their verdict was taken as it stands`] : []),
    ...(daysUnsettled > 0
      ? [`        ${daysUnsettled} days changed all the time, and were not compared: try again`]
      : []),
    ...listed.map((difference) => `        ${differenceLine(difference)}`),
    ...(differences > listed.length ? [`        and ${differences - listed.length} more`] : []),
  ]
}

function differenceLine(one: Verified['listed'][number]): string {
  if (one.table === 'facts') return `journey ${one.journey}: ${one.columns.join(', ')}`
  if (one.table === 'edge')
    return `journey ${one.journey}: ${Math.abs(one.surplus)} × ${one.surplus > 0 ? 'too often' : 'too seldom'} in the edge`
  const of = one.dimension === '' ? 'all journeys' : `${one.dimension} ${JSON.stringify(one.value)}`
  return `${one.grain} ${one.bucket}, ${of}, ${one.key}: tallies say ${one.sealed}, trails ${one.counted}`
}

function line({ name, state, detail, action }: Check): string {
  return `${signs[state]}  ${name}: ${detail}${action === undefined ? '' : `. What to do: ${action}`}`
}

/** Every setting that is set, and the one fault that would stop a start. */
function settingsChecks(env: Start['env']): Check[] {
  try {
    readConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [{ name: 'settings', state: 'fail', detail: error.message, action: 'mend or unset this variable' }]
  }
  return Object.entries(settings).map(([name, setting]): Check => {
    const given = env[name]
    const shown = 'secret' in setting ? 'set' : given
    const byDefault = 'default' in setting ? `${setting.default} (default)` : 'made on first start'
    return { name, state: 'ok', detail: given === undefined ? byDefault : `${shown} (from the environment)` }
  })
}

function versions(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const old = major < 20 || (major === 20 && minor < 19)
  const detail = `Node ${process.versions.node} on ${process.platform} ${process.arch}`
  return old
    ? { name: 'versions', state: 'fail', detail, action: 'use Node 20.19 or later' }
    : { name: 'versions', state: 'ok', detail }
}

/** What programs apart stand on, asked from here with the settings that are here. */
async function outside(env: Start['env']): Promise<Check[]> {
  const { kafka, clickHouse } = readConfig(env)
  return await Promise.all([
    ...(kafka === undefined ? [] : [lookAtBrokers(kafka)]),
    ...(clickHouse === undefined ? [] : [lookAtServer(clickHouse)]),
  ])
}

/** What the installation says of itself; whoever answers is the first of its checks. */
async function served(cli: Cli): Promise<Check[]> {
  try {
    return await cli.connected(async (connection) => {
      const { checks } = json(await connection.request('GET', '/v1/doctor')) as { checks: Check[] }
      return [{ name: 'connection', state: 'ok', detail: `to ${connection.to}` }, ...checks]
    })
  } catch (error) {
    return [
      {
        name: 'connection',
        state: 'fail',
        detail: errorLine(error),
        action: 'start the server, or set WAYMARK_DATA_DIR, or WAYMARK_URL and WAYMARK_KEY',
      },
    ]
  }
}
