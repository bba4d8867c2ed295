import type { Sql } from '../../domain/sql.ts'
import type { Store, Stores } from '../../domain/ports/store.ts'
import { raw, sql } from '../../domain/sql.ts'

const pollMs = 250

/** What the sealing lane takes of one core, so far. */
export interface LaneShare {
  /** The stores, with the lane watched. */
  readonly stores: Stores
  /**
   * Shares of one core since `began`. `cpu`: as the engine counts it for running statements, asked four times a second, so what a
   * statement did after the last asking is missing; `busy`: time in statements, which is more than they can have used, since the
   * lane has one thread.
   */
  share(): { readonly cpu: number; readonly busy: number; readonly statements: number }
  begin(): void
  stop(): void
}

export async function watchSealing(stores: Stores): Promise<LaneShare> {
  const mark = 'bench-sealing'
  await stores.sealing.command(raw(`SET log_comment = '${mark}'`))
  const cpuUs = new Map<string, number>()
  let busyMs = 0
  let statements = 0
  let began = performance.now()
  const around = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const from = performance.now()
    try {
      return await work()
    } finally {
      busyMs += performance.now() - Math.max(from, began)
      statements += 1
    }
  }
  const sealing: Store = {
    select: <Row>(statement: Sql, options?: Parameters<Store['select']>[1]) =>
      around(() => stores.sealing.select<Row>(statement, options)),
    insert: (table, columns, rows) => around(() => stores.sealing.insert(table, columns, rows)),
    command: (statement, options) => around(() => stores.sealing.command(statement, options)),
  }
  const poll = async () => {
    const rows = await stores.reads.select<{ id: string; us: string }>(sql`
      SELECT query_id AS id, ProfileEvents['OSCPUVirtualTimeMicroseconds'] AS us FROM system.processes
      WHERE Settings['log_comment'] = ${raw(`'${mark}'`)}`)
    for (const { id, us } of rows) cpuUs.set(id, Number(us))
  }
  let polling: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    polling = polling.then(poll).catch(() => undefined)
  }, pollMs)
  return {
    stores: { ...stores, sealing },
    share() {
      const ms = performance.now() - began
      const cpu = [...cpuUs.values()].reduce((sum, us) => sum + us, 0) / 1000
      return { cpu: Number((cpu / ms).toFixed(3)), busy: Number((busyMs / ms).toFixed(3)), statements }
    },
    begin() {
      began = performance.now()
      busyMs = 0
      statements = 0
      cpuUs.clear()
    },
    stop: () => clearInterval(timer),
  }
}
