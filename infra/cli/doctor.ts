import type { Command } from 'commander'
import type { Check } from '../../domain/check.ts'
import { ConfigError, readConfig, settings } from '../config.ts'
import { errorLine, type Start } from '../program.ts'
import { json } from './connection.ts'
import type { Cli } from './main.ts'

const signs = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' } as const

/** `waymark doctor`: each check a line, with what to do. */
export function addDoctor(waymark: Command, cli: Cli): void {
  waymark
    .command('doctor')
    .description('looks at settings, disk, event log, engine, processor and versions; exit code 1 when something fails')
    .option('--json', 'as one JSON object')
    .action(async ({ json: asJson }: { json?: true }) => {
      const checks = [...settingsChecks(cli.env), versions()]
      if (checks.every(({ state }) => state !== 'fail')) checks.push(...(await served(cli)))
      if (asJson === true) cli.print(JSON.stringify({ checks }))
      else for (const check of checks) cli.print(line(check))
      if (checks.some(({ state }) => state === 'fail')) cli.fail()
    })
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
