import { setTimeout as wait } from 'node:timers/promises'
import { createChdbConnection } from 'chdb/connection'
import { Exception, exceptionOf } from './exception.ts'
import { substitutions, type Statement } from './statement.ts'

type Connection = ReturnType<typeof createChdbConnection>

/** What a request asks of the engine. */
export interface Ask {
  readonly queryId: string
  readonly database: string
  readonly settings: ReadonlyMap<string, string>
  /** In the format TabSeparated, as they came. */
  readonly params: ReadonlyMap<string, string>
  readonly format: string
  readonly statement: Statement
}

export interface Counts {
  readonly rowsRead: number
  readonly bytesRead: number
  readonly rowsWritten: number
  readonly bytesWritten: number
}

const nothing: Counts = { rowsRead: 0, bytesRead: 0, rowsWritten: 0, bytesWritten: 0 }

/** One connection, with what was set on it: a request's settings are its own, so they are taken back after it. */
interface Lane {
  readonly connection: Connection
  database: string
  readonly settings: Map<string, string>
}

/** The formats in which the engine in process takes rows as bytes. */
const rawFormats = ['TabSeparated', 'JSONEachRow', 'JSONCompactEachRow', 'CSV'] as const

/**
 * The engine in process, shared by the requests of a front: each runs on a connection of its own, with its own
 * database, settings and parameters, as on a server.
 */
export class Engine {
  readonly #path: string
  readonly #lanesMax: number
  readonly #idle: Lane[] = []
  readonly #running = new Set<string>()
  #lanes = 0
  #killing: Promise<unknown> = Promise.resolve()
  /** Holds the engine open, and stops statements of the others. */
  readonly #keeper: Connection

  /** @param lanesMax statements at once; a thread of Node's pool each (UV_THREADPOOL_SIZE) */
  constructor(path: string, lanesMax: number) {
    this.#path = path
    this.#lanesMax = lanesMax
    this.#keeper = createChdbConnection({ path })
  }

  async version(): Promise<string> {
    const result = await this.#keeper.chdb.queryAsync('SELECT version()', { format: 'TabSeparated' })
    return result.text().trim()
  }

  /** The whole result. */
  async run(ask: Ask): Promise<{ bytes: Buffer } & Counts> {
    return this.#with(ask, async ({ chdb }) => {
      const result = await chdb.queryAsync(ask.statement.text, { format: ask.format })
      const bytes = Buffer.from(result.bytes())
      return { ...nothing, bytes, rowsRead: result.rowsRead, bytesRead: result.bytesRead }
    })
  }

  /** Chunk by chunk: what was given before an exception stays given. */
  async stream(ask: Ask, take: (chunk: Buffer) => Promise<void>): Promise<Counts> {
    return this.#with(ask, async ({ chdb }) => {
      let rowsRead = 0
      let bytesRead = 0
      for await (const chunk of chdb.queryStream(ask.statement.text, { format: ask.format })) {
        rowsRead += chunk.numRows
        bytesRead += chunk.numBytes
        await take(Buffer.from(chunk.raw()))
      }
      return { ...nothing, rowsRead, bytesRead }
    })
  }

  async insert(ask: Ask, data: Buffer): Promise<Counts> {
    const { insert } = ask.statement
    if (insert === undefined) throw new Error('no INSERT with rows')
    if (data.length === 0) return nothing
    const format = rawFormats.find((name) => name === insert.format)
    if (format === undefined) throw new Exception(73, 'UNKNOWN_FORMAT', `Unknown format ${insert.format}`)
    return this.#with(ask, async ({ chdb }) => {
      const { rowsWritten, bytesWritten } = await chdb.rawInsert({
        table: insert.table,
        ...(insert.columns.length === 0 ? {} : { columns: insert.columns }),
        format,
        values: data,
      })
      return { ...nothing, rowsWritten, bytesWritten }
    })
  }

  /** As when the client of a read goes away. Once is not enough: a statement may not have begun. */
  async kill(queryId: string): Promise<void> {
    while (this.#running.has(queryId)) {
      // The keeper too runs one statement at a time.
      const kill = `KILL QUERY WHERE Settings['log_comment'] = ${literal(queryId)} ASYNC`
      this.#killing = this.#killing.then(() => this.#keeper.chdb.queryAsync(kill))
      await this.#killing
      await wait(50)
    }
  }

  /** When nothing runs. */
  async close(): Promise<void> {
    for (const { connection } of this.#idle) await connection.close()
    await this.#keeper.close()
  }

  async #with<Result>(ask: Ask, work: (connection: Connection) => Promise<Result>): Promise<Result> {
    if (this.#running.has(ask.queryId))
      throw new Exception(
        216,
        'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING',
        `Query with id = ${ask.queryId} is already running.`,
      )
    for (const name of substitutions(ask.statement.text))
      if (!ask.params.has(name))
        throw new Exception(456, 'UNKNOWN_QUERY_PARAMETER', `Substitution \`${name}\` is not set.`)
    const lane = this.#lease()
    this.#running.add(ask.queryId)
    let usable = false
    try {
      await this.#prepare(lane, ask)
      usable = true
      return await work(lane.connection)
    } catch (error) {
      throw exceptionOf(error)
    } finally {
      this.#running.delete(ask.queryId)
      // Of settings of which one was refused, nobody knows which were set.
      if (usable) this.#idle.push(lane)
      else {
        this.#lanes -= 1
        await lane.connection.close()
      }
    }
  }

  #lease(): Lane {
    const lane = this.#idle.pop()
    if (lane !== undefined) return lane
    if (this.#lanes >= this.#lanesMax)
      throw new Exception(
        202,
        'TOO_MANY_SIMULTANEOUS_QUERIES',
        `Too many simultaneous queries. Maximum: ${this.#lanesMax}`,
      )
    this.#lanes += 1
    return { connection: createChdbConnection({ path: this.#path }), database: 'default', settings: new Map() }
  }

  async #prepare(lane: Lane, { queryId, database, settings, params }: Ask): Promise<void> {
    const statements: string[] = []
    if (lane.database !== database) statements.push(`USE \`${database.replaceAll('`', '')}\``)
    const wanted = new Map([...settings, ['log_comment', queryId]])
    const changes: string[] = []
    for (const name of lane.settings.keys()) if (!wanted.has(name)) changes.push(`${name} = DEFAULT`)
    for (const [name, value] of wanted)
      if (lane.settings.get(name) !== value) changes.push(`${name} = ${literal(value)}`)
    for (const [name, value] of params) changes.push(`param_${name} = ${literal(value)}`)
    if (changes.length > 0) statements.push(`SET ${changes.join(', ')}`)
    if (statements.length > 0) await lane.connection.chdb.queryAsync(statements.join('; '))
    lane.database = database
    lane.settings.clear()
    for (const [name, value] of wanted) lane.settings.set(name, value)
  }
}

function literal(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
