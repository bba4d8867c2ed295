import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Load {
  readonly requests: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers other than 2xx. */
  readonly refused: number
  /** Connections that broke, and answers that did not come in time. */
  readonly broken: number
  /** Both. */
  readonly errors: number
}

/**
 * The load generator is wrk, in C: its cost does not hide in the event loop that it measures. Every request is a
 * journey of its own with ids of its own, as a beacon sends them.
 * @throws Error when wrk is not installed (Debian: apt-get install wrk)
 */
export async function wrk(
  url: string,
  options: {
    connections: number
    seconds: number
    eventsPerRequest: number
    service: string
    steps: readonly string[]
  },
): Promise<Load> {
  const folder = mkdtempSync(join(tmpdir(), 'waymark-wrk-'))
  const script = join(folder, 'post.lua')
  writeFileSync(script, lua(options))
  try {
    const { stdout } = await run(
      'wrk',
      ['-t1', `-c${options.connections}`, `-d${options.seconds}s`, '--latency', '--timeout', '10s', '-s', script, url],
      { maxBuffer: 1 << 20 },
    ).catch((cause: unknown) => {
      throw new Error('wrk did not run: install it (Debian: apt-get install wrk)', { cause })
    })
    return parse(stdout)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function lua(options: { eventsPerRequest: number; service: string; steps: readonly string[] }): string {
  return `
local steps = {${options.steps.map((step) => JSON.stringify(step)).join(',')}}
local n = 0
math.randomseed(os.time())
local run = string.format("%08x", math.random(0, 2147483647))
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
request = function()
  n = n + 1
  local now = os.time() * 1000
  local events = {}
  for i = 1, ${options.eventsPerRequest} do
    events[i] = string.format('{"id":"%s-%08x-%02d","type":"step","step":"%s","at":%d,"seq":%d,"attrs":{"licence-type":"coarse"}}', run, n, i, steps[(i - 1) % #steps + 1], now + i, i)
  end
  return wrk.format(nil, "/v1/events", nil, string.format('{"service":"${options.service}","journey":"%s-%08x","sentAt":%d,"events":[%s]}', run, n, now, table.concat(events, ",")))
end
`
}

function parse(output: string): Load {
  const requestsPerSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1])
  const percentileMs = (name: string) => {
    const match = new RegExp(`${name}%\\s+([\\d.]+)(us|ms|s)`).exec(output)
    const unit = match?.[2] === 'us' ? 0.001 : match?.[2] === 's' ? 1000 : 1
    return Number(match?.[1]) * unit
  }
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0)
  const broken = [...(/Socket errors: (.*)/.exec(output)?.[1] ?? '').matchAll(/(\d+)/g)].reduce(
    (sum, [n]) => sum + Number(n),
    0,
  )
  const requests = Number(/(\d+) requests in/.exec(output)?.[1] ?? 0)
  return {
    requests,
    refused,
    broken,
    requestsPerSecond,
    p50Ms: percentileMs('50'),
    p99Ms: percentileMs('99'),
    errors: refused + broken,
  }
}
