import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../../infra/bin/build.js'
import { programChild, startApart, until, type Apart } from '../support/apart.ts'
import { startChild } from '../support/child.ts'
import { startFrontChild, type FrontChild } from '../support/chdb-http-front/child.ts'
import { kafkaHere, startKafka, type TestKafka } from '../support/kafka.ts'
import { adminSecret } from '../support/server.ts'

const headers = { authorization: `Bearer ${adminSecret}`, 'content-type': 'application/json' }
const now = Date.now()
const period = `from=${new Date(now - 86_400_000).toISOString()}&to=${new Date(now + 60_000).toISOString()}`

describe.skipIf(!kafkaHere)('collectors, processors and APIs apart', { timeout: 120_000 }, () => {
  let kafka: TestKafka
  let front: FrontChild
  let apart: Apart
  let shared: Record<string, string>

  beforeAll(async () => {
    ;[kafka, front] = await Promise.all([startKafka(), startFrontChild()])
    shared = {
      KAFKA_BROKERS: kafka.addresses.join(','),
      KAFKA_TOPIC: kafka.topic(),
      CLICKHOUSE_URL: front.url,
      CLICKHOUSE_DATABASE: 'apart',
    }
    apart = await startApart(shared, ['collector', 'collector', 'processor', 'processor', 'api', 'api'])
  }, 120_000)
  afterAll(async () => {
    await apart.close()
    await Promise.all([kafka.stop(), front.close()])
  }, 60_000)

  const callAt = async (url: string, method: string, path: string, body?: unknown) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, json: (text === '' ? undefined : JSON.parse(text)) as never }
  }
  const call = (method: string, path: string, body?: unknown) => callAt(apart.url, method, path, body)
  const send = (service: string, journey: string, ...steps: string[]) => sendTo(apart.url, service, journey, ...steps)
  const sendTo = (url: string, service: string, journey: string, ...steps: string[]) =>
    callAt(url, 'POST', '/v1/events', {
      service,
      journey,
      events: steps.map((step, index) => ({ step, at: now - 60_000 + index })),
    })
  const shown = () =>
    until(async () => ((await call('GET', '/v1/status')).json as { pendingEvents: number }).pendingEvents === 0)
  const started = async (service: string) => {
    const { json } = await call('GET', `/v1/services/${service}/funnel?${period}`)
    return (json as { totals: { started: number } }).totals.started
  }
  const put = async (service: string) => {
    const { status } = await call('PUT', `/v1/services/${service}`, { name: service, funnel: { steps: ['a', 'b'] } })
    expect(status).toBe(201)
  }

  it('take a service that was put a moment ago, an event, and give a funnel', async () => {
    await put('first')
    expect((await send('first', 'j1', 'a', 'b')).status).toBe(204)
    expect((await send('nobody', 'j1', 'a')).status).toBe(404)
    await shown()
    expect(await started('first')).toBe(1)
  })

  it('have one processor that works, and another takes over when it is killed', async () => {
    await put('second')
    const first = await apart.active()
    expect((await send('second', 'j1', 'a')).status).toBe(204)
    await shown()
    await apart.end(first, 'SIGKILL')
    expect((await send('second', 'j2', 'a')).status).toBe(204)
    const next = await apart.active()
    expect(next.url).not.toBe(first.url)
    await shown()
    expect(await started('second')).toBe(2)
    await apart.start('processor')
  })

  it('hand over at once when the one that works is told to stop', async () => {
    await put('third')
    const first = await apart.active()
    expect((await apart.end(first)).code).toBe(0)
    expect((await send('third', 'j1', 'a')).status).toBe(204)
    await shown()
    expect(await started('third')).toBe(1)
    await apart.start('processor')
  })

  it('erase a journey, and what comes of it afterwards', async () => {
    await put('fourth')
    await send('fourth', 'keeps', 'a')
    await send('fourth', 'goes', 'a')
    await shown()
    expect(await started('fourth')).toBe(2)
    expect((await call('DELETE', '/v1/services/fourth/journeys/goes')).status).toBe(204)
    expect(await started('fourth')).toBe(1)
    expect((await send('fourth', 'goes', 'b')).status).toBe(204)
    await shown()
    expect(await started('fourth')).toBe(1)
  })

  it('verify what answers are read from', async () => {
    const { status, json } = await call('GET', '/v1/doctor/verify?service=first')
    expect(status).toBe(200)
    expect(json).toMatchObject({ services: [{ service: 'first', journeys: 1, differences: 0 }] })
  })

  it('tell a doctor how each of the parts is', async () => {
    const { json } = await call('GET', '/v1/doctor')
    const { checks } = json as { checks: { name: string; state: string }[] }
    expect(checks.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'event log ok',
      'engine ok',
      'processor ok',
      'set aside ok',
      'removals ok',
    ])
  })

  it('are found well, and their settings wrong, by the command line', async () => {
    const doctor = async (settings: Record<string, string>) => {
      const env = { WAYMARK_URL: apart.url, WAYMARK_KEY: adminSecret, WAYMARK_DATA_DIR: '/nowhere', ...settings }
      const { code, checks } = await runDoctor({ ...shared, ...env })
      const found = checks.filter(({ name }) => ['brokers', 'ClickHouse', 'connection'].includes(name))
      return { code, found: found.map(({ name, state }) => `${name} ${state}`), checks }
    }
    const well = await doctor({})
    expect(well.found).toEqual(['brokers ok', 'ClickHouse ok', 'connection ok'])
    expect(well.code).toBe(0)
    const wrong = await doctor({ KAFKA_BROKERS: '127.0.0.1:1', CLICKHOUSE_URL: 'http://127.0.0.1:1' })
    expect(wrong.found).toEqual(['brokers fail', 'ClickHouse fail', 'connection ok'])
    expect(wrong.code).toBe(1)
    const refused = await doctor({ CLICKHOUSE_PASSWORD: 'not-this-one' })
    expect(refused.checks.find(({ name }) => name === 'ClickHouse')?.detail).toContain('CLICKHOUSE_PASSWORD is refused')
  })

  it('bring facts to a new version of a funnel that any API was given', async () => {
    expect((await call('PUT', '/v1/services/first', { name: 'first', funnel: { steps: ['a', 'c'] } })).status).toBe(200)
    await until(async () => {
      const { json } = await call('GET', `/v1/services/first/funnel?${period}`)
      return (json as { version: number }).version === 2
    })
    await until(async () => ((await call('GET', '/v1/status')).json as { versions: unknown[] }).versions.length === 0)
    expect(await started('first')).toBe(1)
  })

  it('take events while ClickHouse is away, also after a start, and show them when it is back', async () => {
    await put('fifth')
    // Either collector has heard of it then.
    const collectors = apart.of('collector')
    for (const { url } of collectors) expect((await sendTo(url, 'fifth', 'j1', 'a')).status).toBe(204)
    await front.away()
    try {
      for (const { url } of collectors) expect((await sendTo(url, 'fifth', 'j2', 'a')).status).toBe(204)
      // What nobody knows cannot be said to be unknown now.
      expect((await send('who-knows', 'j1', 'a')).status).toBe(503)
      const [first] = collectors
      if (first === undefined) throw new Error('there is none')
      await apart.end(first, 'SIGKILL')
      const again = await apart.start('collector', { WAYMARK_DATA_DIR: first.dataDir })
      expect((await sendTo(again.url, 'fifth', 'j3', 'a')).status).toBe(204)
    } finally {
      await front.back()
    }
    await shown()
    expect(await started('fifth')).toBe(3)
  })

  it('end cleanly when they are told to', async () => {
    for (const name of ['collector', 'api', 'processor'] as const) {
      const program = await apart.start(name)
      expect((await apart.end(program)).code, name).toBe(0)
    }
  })
})

async function runDoctor(env: Record<string, string>) {
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const child = startChild('env', [
    ...assignments,
    process.execPath,
    join(root, 'infra/bin/waymark.js'),
    'doctor',
    '--json',
  ])
  const { code } = await child.ended
  const { checks } = JSON.parse(child.lines.at(-1) ?? '') as {
    checks: { name: string; state: string; detail: string }[]
  }
  return { code, checks }
}

describe('a program apart without what it needs', () => {
  const given = {
    KAFKA_BROKERS: 'localhost:9092',
    CLICKHOUSE_URL: 'http://localhost:8123',
    WAYMARK_SECRET: 'a-secret-of-twenty-four-or-more',
    WAYMARK_ADMIN_KEY: adminSecret,
  }
  it.each(Object.keys(given))('says that %s is missing, in one line', async (missing) => {
    const { [missing as keyof typeof given]: _, ...rest } = given
    const { code, errors } = await programChild('processor', rest).ended
    expect(code).toBe(2)
    expect(errors).toMatch(new RegExp(`^${missing} is missing: npm run processor needs it; expected .+\n$`))
  })
})
