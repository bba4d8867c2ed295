import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { createGzip, gzipSync } from 'node:zlib'
import { once } from 'node:events'
import { Engine, type Ask, type Counts } from './engine.ts'
import { Exception, exceptionOf, httpStatusOf } from './exception.ts'
import { Faults, type Fault } from './faults.ts'
import { fieldsOfUrl, httpQueryOf, readBody, type HttpQuery } from './request.ts'
import { statementOf, type Statement } from './statement.ts'
import { authenticated, permit, type User } from './users.ts'

export interface FrontOptions {
  /** Data directory of the engine in process. */
  readonly path: string
  /** 0: any free one, which stays the same when the front goes away and comes back. */
  readonly port?: number
  readonly users?: readonly User[]
  /** What the server says it is, in place of what the engine is. */
  readonly version?: string
  /** How long the server keeps an idle connection: keep_alive_timeout, 10 s in the configuration that ships. */
  readonly keepAliveMs?: number
  readonly statementsMax?: number
}

export interface Front {
  readonly url: string
  readonly faults: Faults
  /** The last statements that ran to their end or were refused by the engine, in that order. */
  readonly statements: readonly string[]
  /** The port is closed and what was connected is reset; what runs goes on. */
  away(): Promise<void>
  back(): Promise<void>
  close(): Promise<void>
}

/**
 * An HTTP front over the engine in process that speaks what @clickhouse/client uses of ClickHouse's HTTP
 * interface, so that several programs can share one engine, and so that things go wrong on the wire. It is no
 * ClickHouse server: README.md beside it says what is taken from where, and what it does not do.
 */
export async function startFront(options: FrontOptions): Promise<Front> {
  const engine = new Engine(options.path, options.statementsMax ?? 24)
  const version = options.version ?? (await engine.version())
  const faults = new Faults()
  const statements: string[] = []
  const parts: Parts = {
    engine,
    faults,
    statements,
    version,
    users: options.users ?? [{ name: 'default', password: '' }],
    underWay: new Set(),
  }
  let port = options.port ?? 0
  let server: Server | undefined
  const listen = async (): Promise<void> => {
    server = createServer(
      { keepAliveTimeout: options.keepAliveMs ?? 10_000, maxHeaderSize: 2 ** 21 },
      (request, response) => {
        const handled = handle(parts, request, response).finally(() => parts.underWay.delete(handled))
        parts.underWay.add(handled)
      },
    )
    // Of connections that a fault resets, or a client.
    server.on('clientError', (_, socket) => socket.destroy())
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  const away = async (): Promise<void> => {
    const closing = server
    server = undefined
    if (closing === undefined) return
    const closed = new Promise<void>((resolve) => closing.close(() => resolve()))
    closing.closeAllConnections()
    await closed
  }
  await listen()
  return {
    url: `http://127.0.0.1:${port}`,
    faults,
    statements,
    away,
    back: async () => {
      if (server === undefined) await listen()
    },
    close: async () => {
      await away()
      await Promise.all(parts.underWay)
      await engine.close()
    },
  }
}

/** A load test would fill the memory with them. */
const statementsKept = 20_000

interface Parts {
  readonly engine: Engine
  readonly faults: Faults
  readonly statements: string[]
  readonly version: string
  readonly users: readonly User[]
  readonly underWay: Set<Promise<void>>
}

async function handle(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '/'] = (request.url ?? '/').split('?')
  if (path === '/ping') return end(response, 200, Buffer.from('Ok.\n'))
  if (path !== '/') return end(response, 404, Buffer.from(`There is no handle ${path}\n`))
  // Unhandled, it would end the front; a client that is gone needs no answer.
  request.on('error', () => undefined)
  response.on('error', () => undefined)
  const answer = new Answer(request, response, parts.version)
  try {
    await answerQuery(parts, request, answer)
  } catch (error) {
    if (!response.destroyed) await answer.exception(exceptionOf(error))
  }
}

async function answerQuery(parts: Parts, request: IncomingMessage, answer: Answer): Promise<void> {
  const { engine, faults } = parts
  const fields = fieldsOfUrl(request.url ?? '/')
  const user = authenticated(request, fields, parts.users)
  const of = (name: string) => fields.find(([other]) => other === name)?.[1]
  if (of('session_id') !== undefined)
    throw new Exception(344, 'SUPPORT_IS_DISABLED', 'Sessions are not served by this front')
  // Known before the body is there when the statement is in the URL, as that of an INSERT is.
  const early = faults.take(of('query') ?? '')
  if (early?.kind === 'upload-cut') {
    await once(request, 'data')
    return reset(request.socket)
  }
  const query = httpQueryOf(request, fields, await readBody(request))
  const statement = statementOf(query.text.toString())
  const fault = early ?? (of('query') === undefined ? faults.take(statement.text) : undefined)
  answer.gzip = of('enable_http_compression') === '1' && /\bgzip\b/.test(String(request.headers['accept-encoding']))
  answer.queryId = query.queryId
  if (await before(fault, request.socket, answer)) return
  permit(user, { readonly: of('readonly'), get: request.method === 'GET', settings: query.settings }, statement)
  const cancels = of('cancel_http_readonly_queries_on_client_close') === '1' && (of('readonly') ?? '0') !== '0'
  const ask = askOf(parts, query, statement)
  if (cancels) answer.whenGone(() => void engine.kill(query.queryId))
  await run(parts, { ask, query, fault, answer, socket: request.socket })
}

function askOf({ version }: Parts, query: HttpQuery, statement: Statement): Ask {
  // What a server of another version would say of itself.
  const text = statement.text.replace(/^(\s*SELECT\s+)version\(\)/i, `$1'${version}'`)
  return {
    queryId: query.queryId,
    database: query.database ?? 'default',
    settings: query.settings,
    params: query.params,
    format: query.defaultFormat,
    statement: { ...statement, text },
  }
}

interface Run {
  readonly ask: Ask
  readonly query: HttpQuery
  readonly fault: Fault | undefined
  readonly answer: Answer
  readonly socket: Socket
}

async function run({ engine, statements }: Parts, { ask, query, fault, answer, socket }: Run): Promise<void> {
  const { insert } = ask.statement
  const ran = (): void => {
    statements.push(ask.statement.text.trim())
    if (statements.length > statementsKept) statements.shift()
  }
  if (insert === undefined && ask.statement.kind === 'read' && !query.waitEndOfQuery && fault === undefined) {
    const counts = await engine.stream(ask, (chunk) => answer.chunk(chunk)).finally(ran)
    return answer.endStream(counts)
  }
  const result =
    insert === undefined
      ? await engine.run(ask).finally(ran)
      : {
          bytes: Buffer.alloc(0),
          ...(await engine.insert(ask, query.text.subarray(byteOffset(ask.statement.text))).finally(ran)),
        }
  if (fault?.kind === 'answer-lost') return reset(socket)
  if (fault?.kind === 'answer-cut') return answer.cut(result.bytes, result)
  answer.whole(result.bytes, result)
}

const byteOffset = (text: string): number => Buffer.byteLength(text)

/** @returns whether the request is done with */
async function before(fault: Fault | undefined, socket: Socket, answer: Answer): Promise<boolean> {
  switch (fault?.kind) {
    case 'slow':
      await wait(fault.ms)
      return false
    case 'reset-before':
    case 'upload-cut':
      reset(socket)
      return true
    case 'refuse':
      throw new Exception(fault.code, fault.type, 'as the test asked')
    case 'proxy':
      answer.proxy(fault.status)
      return true
    default:
      return false
  }
}

function reset(socket: Socket): void {
  socket.resetAndDestroy()
}

/** What goes back: the headers and bodies of src/Server/HTTPHandler.cpp. */
class Answer {
  gzip = false
  queryId = ''
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #version: string
  readonly #tag = randomBytes(8).toString('hex')
  readonly #startedNs = process.hrtime.bigint()
  #stream: NodeJS.WritableStream | undefined

  constructor(request: IncomingMessage, response: ServerResponse, version: string) {
    this.#request = request
    this.#response = response
    this.#version = version
  }

  whenGone(act: () => void): void {
    this.#response.on('close', () => {
      if (!this.#response.writableFinished) act()
    })
  }

  /** One body, known as a whole before the first byte: what `wait_end_of_query=1` is about. */
  whole(body: Buffer, counts: Counts): void {
    this.#headers(counts)
    const bytes = this.gzip ? gzipSync(body) : body
    if (this.gzip) this.#response.setHeader('Content-Encoding', 'gzip')
    end(this.#response, 200, bytes)
  }

  async chunk(bytes: Buffer): Promise<void> {
    if (this.#stream === undefined) {
      this.#headers({ rowsRead: 0, bytesRead: 0, rowsWritten: 0, bytesWritten: 0 })
      this.#response.setHeader('X-ClickHouse-Exception-Tag', this.#tag)
      if (this.gzip) this.#response.setHeader('Content-Encoding', 'gzip')
      this.#response.writeHead(200)
      this.#stream = this.#response
      if (this.gzip) {
        const gzip = createGzip()
        gzip.pipe(this.#response)
        this.#stream = gzip
      }
    }
    if (!this.#stream.write(bytes)) await Promise.race([once(this.#stream, 'drain'), once(this.#response, 'close')])
  }

  endStream(counts: Counts): void {
    if (this.#stream === undefined) this.whole(Buffer.alloc(0), counts)
    else this.#stream.end()
  }

  async exception(exception: Exception): Promise<void> {
    const text = `${exception.text(this.#version)}\n`
    if (this.#stream !== undefined) {
      // In the middle of a result (since 25.11): the client finds it by the tag that it was told in a header.
      const length = Buffer.byteLength(text)
      this.#stream.end(`\r\n__exception__\r\n${this.#tag}\r\n${text}${length} ${this.#tag}\r\n__exception__\r\n`)
      return
    }
    // The rest of a request is read, or the next one on the connection would begin in it.
    if (!this.#request.readableEnded) this.#request.resume()
    this.#response.setHeader('X-ClickHouse-Exception-Code', exception.code)
    this.#response.setHeader('Content-Type', 'text/plain; charset=UTF-8')
    if (this.gzip) this.#response.setHeader('Content-Encoding', 'gzip')
    end(this.#response, httpStatusOf(exception), this.gzip ? gzipSync(text) : Buffer.from(text))
  }

  /** Half of it, and a reset. */
  cut(body: Buffer, counts: Counts): void {
    this.#headers(counts)
    const bytes = this.gzip ? gzipSync(body) : body
    if (this.gzip) this.#response.setHeader('Content-Encoding', 'gzip')
    this.#response.writeHead(200, { 'Content-Length': Math.max(bytes.length, 2) })
    const half = bytes.length > 1 ? bytes.subarray(0, Math.floor(bytes.length / 2)) : Buffer.from('\n')
    this.#response.write(half, () => reset(this.#request.socket))
  }

  proxy(status: number): void {
    this.#request.resume()
    this.#response.setHeader('Content-Type', 'text/html')
    end(this.#response, status, Buffer.from('<html><body>upstream</body></html>'))
  }

  #headers(counts: Counts): void {
    const summary = {
      read_rows: String(counts.rowsRead),
      read_bytes: String(counts.bytesRead),
      written_rows: String(counts.rowsWritten),
      written_bytes: String(counts.bytesWritten),
      total_rows_to_read: '0',
      result_rows: String(counts.rowsWritten),
      result_bytes: String(counts.bytesWritten),
      elapsed_ns: String(process.hrtime.bigint() - this.#startedNs),
    }
    this.#response.setHeader('Content-Type', 'text/plain; charset=UTF-8')
    this.#response.setHeader('X-ClickHouse-Query-Id', this.queryId)
    this.#response.setHeader('X-ClickHouse-Timezone', 'UTC')
    this.#response.setHeader('X-ClickHouse-Summary', JSON.stringify(summary))
  }
}

function end(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, { 'Content-Length': body.length })
  response.end(body)
}
