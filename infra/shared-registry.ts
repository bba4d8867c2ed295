import { readFile, rename, writeFile } from 'node:fs/promises'
import { StoreUnavailable } from '../domain/errors.ts'
import type { Registry } from '../domain/ports/registry.ts'
import type { Store } from '../domain/ports/store.ts'
import type { Service } from '../domain/service.ts'
import { sql } from '../domain/sql.ts'
import { inTurnQueue } from './changes.ts'
import { sha256 } from './hash.ts'
import { createRegistry, readRegistry, registryRows, type RegistryOptions, type RegistryRows } from './registry.ts'

export interface SharedRegistryOptions extends RegistryOptions {
  /** Where the last registry is kept, for a start while ClickHouse is away; absent: nowhere, as for a program that needs it anyway. */
  readonly file?: string
  /** How long another program's change may go unseen, and a name that nobody knew stays unknown. */
  readonly staleMs?: number
  /** Told when a look at the tables failed; what was known before goes on being answered. */
  readonly onUnavailable?: (error: unknown) => void
}

export interface SharedRegistry {
  readonly registry: Registry
  /** Looks at the tables now. @throws {StoreUnavailable} */
  refresh(): Promise<void>
  close(): void
}

const staleMsUsual = 5_000
/** Names that nobody knew, of one program. Beyond, they are forgotten, and asked for again. */
const missesMax = 10_000

/**
 * The registry of a program beside others that change it too: the same tables, looked at again every few seconds,
 * before a change, and before it is said that there is no such service, version or key.
 *
 * While ClickHouse is away, what is known is answered; of what is not, nobody can say, so that throws.
 * @throws {StoreUnavailable} ClickHouse is away and there is no file of an earlier start
 */
export async function openSharedRegistry(options: SharedRegistryOptions): Promise<SharedRegistry> {
  const { staleMs = staleMsUsual, onUnavailable = () => undefined } = options
  const followed = await follow(options, onUnavailable)
  const timer = setInterval(() => void followed.refresh().catch(onUnavailable), staleMs)
  timer.unref()
  return {
    registry: registryOf(followed, { clock: options.clock, staleMs, onUnavailable }),
    refresh: followed.refresh,
    close: () => clearInterval(timer),
  }
}

/** The registry as it was when the tables were last looked at. */
interface Followed {
  readonly current: () => Registry
  readonly refresh: () => Promise<void>
  readonly listeners: Set<(service: Service) => void>
}

async function follow(options: SharedRegistryOptions, onUnavailable: (error: unknown) => void): Promise<Followed> {
  const { stores, file } = options
  const listeners = new Set<(service: Service) => void>()
  const opened = await openRows(stores.reads, file, onUnavailable)
  let mark = opened.mark
  let current = createRegistry(options, opened.rows)
  const look = async (): Promise<void> => {
    const now = await markOf(stores.reads)
    if (now === mark) return
    const rows = await readRegistry(stores.reads)
    const before = current
    current = createRegistry(options, rows)
    mark = now
    await tellChanges(before, current, listeners)
    if (file !== undefined) await keep(file, rows).catch(onUnavailable)
  }
  return { current: () => current, refresh: sharing(look), listeners }
}

function registryOf(
  { current, refresh, listeners }: Followed,
  { clock, staleMs, onUnavailable }: Required<Pick<SharedRegistryOptions, 'clock' | 'staleMs' | 'onUnavailable'>>,
): Registry {
  const misses = new Map<string, number>()
  const inTurn = inTurnQueue()

  /** Asks the tables before it says that there is nothing, once in a while for the same name. */
  async function found<Value>(name: string, find: () => Promise<Value | undefined>): Promise<Value | undefined> {
    const value = await find()
    const missed = misses.get(name)
    if (value !== undefined || (missed !== undefined && clock.now() - missed < staleMs)) return value
    await refresh()
    const again = await find()
    if (again === undefined) {
      if (misses.size >= missesMax) misses.clear()
      misses.set(name, clock.now())
    } else misses.delete(name)
    return again
  }
  /** On what stands in the tables now, and seen by the other programs' next look. */
  const change = <Result>(make: () => Promise<Result>): Promise<Result> =>
    inTurn(async () => {
      await refresh()
      const result = await make()
      misses.clear()
      // A look that began before the change would put the registry from before in its place. The change itself is
      // durable, so that nobody can be asked now is no error of it.
      await refresh().catch(onUnavailable)
      return result
    })

  return {
    service: (id) => found(`service ${id}`, () => current().service(id)),
    services: (filter) => current().services(filter),
    serviceVersion: (id, version) => found(`version ${id} ${version}`, () => current().serviceVersion(id, version)),
    stepNames: (id) => current().stepNames(id),
    putService: (id, input, more) =>
      change(async () => {
        const service = await current().putService(id, input, more)
        for (const listener of listeners) listener(service)
        return service
      }),
    onPut: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    deleteService: (id) => change(() => current().deleteService(id)),
    // Never the secret itself: misses stay in memory.
    keyBySecret: (secret) => found(`key ${sha256(secret)}`, () => current().keyBySecret(secret)),
    keys: () => current().keys(),
    createKey: (key) => change(() => current().createKey(key)),
    deleteKey: (id) => change(() => current().deleteKey(id)),
  }
}

async function openRows(
  reads: Store,
  file: string | undefined,
  onUnavailable: (error: unknown) => void,
): Promise<{ rows: RegistryRows; mark: string }> {
  try {
    // In this order: what comes between is read again at the next look.
    const mark = await markOf(reads)
    const rows = await readRegistry(reads)
    if (file !== undefined) await keep(file, rows)
    return { rows, mark }
  } catch (error) {
    if (file === undefined || !(error instanceof StoreUnavailable)) throw error
    const kept = await readFile(file, 'utf8').catch(() => undefined)
    const parsed = kept === undefined ? undefined : registryRows.safeParse(json(kept))
    if (parsed?.success !== true) throw error
    onUnavailable(error)
    return { rows: parsed.data, mark: 'of a file' }
  }
}

/**
 * Changes with every change of the tables. A revision alone would not: of two programs whose clocks differ, the later
 * change may have the lower one.
 *
 * Reads   definitions and keys, one column of each; a few thousand rows.
 */
async function markOf(reads: Store): Promise<string> {
  const [row] = await reads.select<{ mark: string }>(sql`
    SELECT concat(
      (SELECT concat(toString(uniqExact(service, revision)), ' ', toString(groupBitXor(cityHash64(service, revision, definition)))) FROM definitions FINAL), ' ',
      (SELECT toString(groupBitXor(cityHash64(id, revision, revoked))) FROM keys FINAL)) AS mark`)
  return row?.mark ?? ''
}

/** One at a time; whoever asks while one is under way has the next, which sees what was written before it was asked for. */
function sharing(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const start = (): Promise<void> => {
    next = undefined
    running = work().finally(() => (running = undefined))
    return running
  }
  return () => {
    if (running === undefined) return start()
    next ??= running.catch(() => undefined).then(start)
    return next
  }
}

/** Listeners hear of services that are new or another than before, whoever put them. */
async function tellChanges(
  before: Registry,
  after: Registry,
  listeners: ReadonlySet<(service: Service) => void>,
): Promise<void> {
  for (const service of await after.services()) {
    const old = await before.service(service.id)
    if (old !== undefined && JSON.stringify(old) === JSON.stringify(service)) continue
    for (const listener of listeners) listener(service)
  }
}

/** Whole or not at all. It holds hashes of keys and public keys of services, so it is for its owner only. */
async function keep(file: string, rows: RegistryRows): Promise<void> {
  const making = `${file}.${process.pid}`
  await writeFile(making, JSON.stringify(rows), { mode: 0o600, flush: true })
  await rename(making, file)
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
