import { setTimeout as sleep } from 'node:timers/promises'
import { Command, CommanderError } from 'commander'
import { ConfigError } from '../config-error.ts'
import { errorLine, exitCodes, type Start } from '../program.ts'
import { projectVersion } from '../project.ts'
import { addDoctor } from './doctor.ts'
import { CommandError, connect, json, type Connection } from './connection.ts'
import { addErasures } from './erasures.ts'
import { addImport } from './import/flags.ts'
import { addKeys } from './keys.ts'
import { addReplay } from './replay.ts'
import { applyChange, changeOf, readServices } from './services.ts'

/** What a command works with. */
export interface Cli {
  readonly env: Start['env']
  /** Answers of the command. */
  print(line: string): void
  /** What accompanies them. */
  tell(line: string): void
  /** Opens the connection, runs, and closes it again whatever happens. */
  connected<Result>(run: (connection: Connection) => Promise<Result>): Promise<Result>
  readonly wait: (ms: number) => Promise<void>
  /** The command was told to stop. */
  readonly stopped: () => boolean
  /** The command did its work and found something wrong. */
  fail(): void
}

/** `npx waymark …` */
export async function main({ args, env, stop }: Start): Promise<number> {
  let failed = false
  const cli: Cli = {
    env,
    print: (line) => process.stdout.write(`${line}\n`),
    tell: (line) => process.stderr.write(`${line}\n`),
    connected: (run) => connected(env, cli, run),
    wait: async (ms) => {
      await sleep(ms, undefined, { signal: stop }).catch(() => undefined)
      if (stop.aborted) throw new CommandError('stopped')
    },
    stopped: () => stop.aborted,
    fail: () => {
      failed = true
    },
  }
  try {
    await program(cli).parseAsync([...args], { from: 'user' })
    return failed ? exitCodes.failed : exitCodes.clean
  } catch (error) {
    return exitCodeOf(error, cli)
  }
}

function program(cli: Cli): Command {
  const waymark = new Command('waymark')
    .description(
      'The command line of Waymark. It talks to the server that runs on WAYMARK_DATA_DIR, else to WAYMARK_URL with WAYMARK_KEY, else opens the directory itself.',
    )
    .version(projectVersion())
    .exitOverride()
    .configureOutput({ writeOut: (text) => cli.print(text.trimEnd()), writeErr: (text) => cli.tell(text.trimEnd()) })
    .showHelpAfterError('(--help says more)')
  addDoctor(waymark, cli)
  addImport(waymark, cli)
  addServices(waymark, cli)
  addKeys(waymark, cli)
  addErasures(waymark, cli)
  addReplay(waymark, cli)
  addSample(waymark, cli)
  return waymark
}

function addServices(waymark: Command, cli: Cli): void {
  const services = waymark.command('services').description('services and their funnels')
  services
    .command('apply')
    .description('puts the services of a YAML or JSON file in, and shows what changes')
    .argument('<file>', 'one service, a list, or `services:` with a list; each with its id')
    .option('--dry-run', 'only shows what would change')
    .action(async (file: string, { dryRun }: { dryRun?: true }) => {
      const wanted = await readServices(file)
      await cli.connected(async (connection) => {
        for (const definition of wanted) {
          const change = await changeOf(connection, definition)
          cli.print(change.lines.length === 0 ? `${change.id}: no change` : `${change.id}:`)
          for (const line of change.lines) cli.print(`  ${line}`)
          if (change.lines.length === 0 || dryRun === true) continue
          cli.print(`${change.id}: applied, funnel version ${await applyChange(connection, change)}`)
        }
      })
    })
  services
    .command('list')
    .description('the services that there are')
    .action(() =>
      cli.connected(async (connection) => {
        for (const { id, name, version: funnel, sample } of await listed(connection))
          cli.print(`${id}  ${JSON.stringify(name)}  version ${funnel}${sample ? '  made up' : ''}`)
      }),
    )
}

function addSample(waymark: Command, cli: Cli): void {
  waymark
    .command('sample')
    .description('the made-up services of the first start')
    .command('remove')
    .description('takes them away')
    .action(() =>
      cli.connected(async (connection) => {
        const made = (await listed(connection)).filter(({ sample }) => sample)
        for (const { id } of made) json(await connection.request('DELETE', `/v1/services/${id}`))
        cli.print(`${made.length} made-up services removed`)
      }),
    )
}

interface Listed {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly sample?: boolean
}

async function listed(connection: Connection): Promise<readonly Listed[]> {
  return (json(await connection.request('GET', '/v1/services')) as { services: Listed[] }).services
}

async function connected<Result>(
  env: Start['env'],
  cli: Cli,
  run: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await connect(env, (line) => cli.tell(line))
  try {
    return await run(connection)
  } finally {
    await connection.close()
  }
}

/** One line with what to do; never a stack unless the log level asks for it. */
function exitCodeOf(error: unknown, cli: Cli): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.clean : exitCodes.configuration
  cli.tell(`waymark: ${errorLine(error)}`)
  if (cli.env['WAYMARK_LOG_LEVEL'] === 'debug' && error instanceof Error) cli.tell(error.stack ?? '')
  if (error instanceof ConfigError) return exitCodes.configuration
  return error instanceof CommandError ? error.exitCode : exitCodes.failed
}
