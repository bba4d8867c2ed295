import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from '../../domain/sql.ts'
import { connectServer } from '../../infra/clickhouse/server.ts'
import { startFrontChild } from '../support/chdb-http-front/child.ts'
import { startKafka } from '../support/kafka.ts'
import { adminKey, start, type Running } from './programs.ts'

export interface AtScale {
  readonly collector: Running
  readonly api: Running
  /** By name, for their memory. */
  readonly programs: Readonly<Record<string, Running>>
  /** Events in the trails, copies counted once. */
  stored(): Promise<number>
  stop(): Promise<void>
}

/**
 * A broker, ClickHouse behind HTTP (the engine in a process of its own: tests/support/chdb-http-front) and one of each program, all
 * on this machine.
 * @param settings more variables of the programs' environment
 */
export async function startAtScale(settings: Record<string, string> = {}): Promise<AtScale> {
  const [kafka, front] = await Promise.all([startKafka({ heapMb: 512 }), startFrontChild()])
  const dataDir = mkdtempSync(join(tmpdir(), 'waymark-bench-'))
  const running: Running[] = []
  const closes: (() => Promise<void>)[] = []
  const open = async (program: string): Promise<Running> => {
    const one = await start(program, {
      WAYMARK_DATA_DIR: join(dataDir, program),
      WAYMARK_PORT: '0',
      WAYMARK_ADMIN_KEY: adminKey,
      WAYMARK_SECRET: 'bench-secret-0123456789abcdef',
      WAYMARK_LOG_LEVEL: 'info',
      KAFKA_BROKERS: kafka.addresses.join(','),
      KAFKA_TOPIC: topic,
      CLICKHOUSE_URL: front.url,
      ...settings,
    })
    running.push(one)
    while (!(await fetch(`${one.url}/readyz`)).ok) await new Promise((resolve) => setTimeout(resolve, 100))
    return one
  }
  const topic = kafka.topic()
  const stop = async () => {
    for (const close of closes) await close()
    for (const one of running) await one.stop()
    await Promise.all([kafka.stop(), front.close()])
    rmSync(dataDir, { recursive: true, force: true })
  }
  try {
    const [collector, processor, api] = [await open('collector'), await open('processor'), await open('api')]
    const stores = connectServer({
      url: new URL(front.url),
      database: 'waymark',
      user: 'default',
      password: '',
    })
    const stored = async () => {
      const [row] = await stores.reads.select<{ events: string }>(sql`SELECT count() AS events FROM trail FINAL`)
      return Number(row?.events ?? 0)
    }
    closes.push(() => stores.close())
    return { collector, api, programs: { collector, processor, api }, stored, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
