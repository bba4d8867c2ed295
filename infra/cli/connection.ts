import { request as httpRequest } from 'node:http'
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openWaymark } from '../compose.ts'
import { readConfig } from '../config.ts'
import type { Start } from '../program.ts'
import { socketName } from '../server.ts'

/** Waymark as the command line sees it: always HTTP, whoever answers. */
export interface Connection {
  /** Who answers, in words. */
  readonly to: string
  /** Where the data lies: the same for as long as it is the same data, as far as this side can tell. */
  readonly data: string
  request(method: string, path: string, body?: Body): Promise<Answer>
  close(): Promise<void>
}

export interface Body {
  readonly text: string
  readonly type: 'application/json' | 'application/x-ndjson'
}

export interface Answer {
  readonly status: number
  readonly retryAfterSeconds: number | undefined
  readonly text: string
}

/** Said in one line; the command ends with this exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number

  constructor(message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/**
 * The server that runs on this data directory, through the socket in it; else WAYMARK_URL with WAYMARK_KEY; else
 * the directory itself, opened here.
 * @throws {ConfigError | CommandError}
 */
export async function connect(env: Start['env'], tell: (line: string) => void): Promise<Connection> {
  const config = readConfig(env)
  const socketPath = join(config.dataDir, socketName)
  if (existsSync(socketPath) && (await answers(socketPath))) return overSocket(socketPath, dataIn(config.dataDir))
  const url = env['WAYMARK_URL']
  if (url !== undefined) return overUrl(url, env['WAYMARK_KEY'])
  return await inDirectory(config, env, tell)
}

/** A socket that a killed server left behind answers nobody. */
async function answers(socketPath: string): Promise<boolean> {
  try {
    return (await socketRequest(socketPath, 'GET', '/healthz')).status === 200
  } catch {
    return false
  }
}

/** A directory that was emptied and filled anew is other data. */
function dataIn(dataDir: string): string {
  return `${resolve(dataDir)} of ${statSync(join(dataDir, 'clickhouse'), { throwIfNoEntry: false })?.birthtimeMs ?? 0}`
}

function overSocket(socketPath: string, data: string): Connection {
  return {
    data,
    to: `the server that runs on this data directory (${socketPath})`,
    request: (method, path, body) => socketRequest(socketPath, method, path, body),
    close: () => Promise.resolve(),
  }
}

function socketRequest(socketPath: string, method: string, path: string, body?: Body): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      host: 'localhost',
      ...(body === undefined ? {} : { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) }),
    }
    const request = httpRequest({ socketPath, method, path, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          retryAfterSeconds: seconds(response.headers['retry-after']),
          text: Buffer.concat(chunks).toString('utf8'),
        })
      })
    })
    request.once('error', reject)
    request.end(body?.text)
  })
}

function overUrl(url: string, key: string | undefined): Connection {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new CommandError(`WAYMARK_URL is ${JSON.stringify(url)}: expected an http or https address`, 2)
  if (key === undefined) throw new CommandError('WAYMARK_KEY is missing: expected a secret key for WAYMARK_URL', 2)
  const base = url.replace(/\/+$/, '')
  return {
    data: base,
    to: base,
    request: async (method, path, body) => {
      const response = await fetch(`${base}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': body.type }),
        },
        ...(body === undefined ? {} : { body: body.text }),
      })
      return await answerOf(response)
    },
    close: () => Promise.resolve(),
  }
}

async function inDirectory(
  config: ReturnType<typeof readConfig>,
  env: Start['env'],
  tell: (line: string) => void,
): Promise<Connection> {
  // The answers of the command are its output, so the log stays quiet unless it is asked for.
  const logLevel = env['WAYMARK_LOG_LEVEL'] === undefined ? 'silent' : config.logLevel
  const waymark = await openWaymark({ ...config, logLevel }, (adminKey) => tell(`admin key (shown once): ${adminKey}`))
  return {
    data: dataIn(config.dataDir),
    to: `the data directory ${config.dataDir}, opened here`,
    request: async (method, path, body) =>
      await answerOf(
        await waymark.fetch(
          new Request(`http://localhost${path}`, {
            method,
            headers: { host: 'localhost', ...(body === undefined ? {} : { 'content-type': body.type }) },
            ...(body === undefined ? {} : { body: body.text }),
          }),
          { trusted: true },
        ),
      ),
    close: () => waymark.close(),
  }
}

async function answerOf(response: Response): Promise<Answer> {
  return {
    status: response.status,
    retryAfterSeconds: seconds(response.headers.get('retry-after') ?? undefined),
    text: await response.text(),
  }
}

function seconds(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined
}

/** The body of a good answer. @throws {CommandError} with what the problem document says */
export function json(answer: Answer): unknown {
  if (answer.status >= 200 && answer.status < 300) return answer.text === '' ? undefined : JSON.parse(answer.text)
  throw new CommandError(problemLine(answer))
}

/** A problem document in one line. */
export function problemLine({ status, text }: Answer): string {
  try {
    const problem = JSON.parse(text) as { title?: string; code?: string; detail?: string; path?: string }
    const where = problem.path === undefined ? '' : ` at ${problem.path}`
    const detail = problem.detail === undefined ? '' : `: ${problem.detail}`
    return `${problem.title ?? 'refused'}${where}${detail} (${problem.code ?? status})`
  } catch {
    return `the server answered ${status}`
  }
}
