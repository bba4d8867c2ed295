import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Answer, Body } from '../../infra/cli/connection.ts'
import { openWaymark, type Waymark } from '../../infra/compose.ts'
import { readConfig } from '../../infra/config.ts'

/** The whole process on a data directory of its own, without sockets. */
export interface Whole {
  /** As the command line knows it. */
  readonly data: string
  readonly waymark: Waymark
  /** As its owner, unless the headers bring a key. */
  request(method: string, path: string, body?: Body, headers?: Record<string, string>): Promise<Answer>
  /** Resolves when answers show all that was acknowledged. */
  shown(): Promise<void>
  close(): Promise<void>
}

export async function openWhole(settings: Record<string, string> = {}): Promise<Whole> {
  const dataDir = mkdtempSync(join(tmpdir(), 'waymark-'))
  const waymark = await openWaymark(
    readConfig({ WAYMARK_DATA_DIR: dataDir, WAYMARK_LOG_LEVEL: 'silent', ...settings }),
    () => undefined,
  )
  const request: Whole['request'] = async (method, path, body, headers = {}) => {
    const response = await waymark.fetch(
      new Request(`http://localhost${path}`, {
        method,
        headers: { host: 'localhost', ...(body === undefined ? {} : { 'content-type': body.type }), ...headers },
        ...(body === undefined ? {} : { body: body.text }),
      }),
      { trusted: true },
    )
    const retryAfter = response.headers.get('retry-after')
    return {
      status: response.status,
      retryAfterSeconds: retryAfter === null ? undefined : Number(retryAfter),
      text: await response.text(),
    }
  }
  return {
    data: dataDir,
    waymark,
    request,
    shown: async () => {
      for (;;) {
        const { text } = await request('GET', '/v1/status')
        if ((JSON.parse(text) as { pendingEvents: number }).pendingEvents === 0) return
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    close: async () => {
      await waymark.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
