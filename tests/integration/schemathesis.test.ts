import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../../infra/bin/build.js'
import { serviceInputExample } from '../../api/examples.ts'
import { serve } from '../support/served.ts'
import { openWhole, type Whole } from '../support/whole.ts'

/** Where .ci/run installs it; else one on the PATH. */
const installed = join(root, 'dist', 'schemathesis', 'bin', 'schemathesis')
const command = existsSync(installed) ? installed : 'schemathesis'

function isThere(): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const secret = 'wma_schemathesis-0123456789'
const common = [
  '--seed=20260412',
  '--header',
  `Authorization: Bearer ${secret}`,
  '--no-shrink',
  '--continue-on-failure',
  '--generation-database=none',
  '--warnings=off',
  '--no-color',
  // How long an answer takes on a busy machine is nothing that is tested here.
  '--request-timeout=60',
  // One: Python 3.11 parses in one thread at a time, and says so with a SystemError (cpython#106905).
  '--workers=1',
]

// What parameters rule out of each other (a version of an ad hoc funnel, a cursor that no answer gave) no schema says.
const checks = '--exclude-checks=positive_data_acceptance'
// The pixel is an image whatever comes, so it refuses nothing: it is tried by itself, without that check.
const pixel = '/v1/pixel.gif'
const byItself = '--phases=examples,coverage,fuzzing'

let whole: Whole
let served: Awaited<ReturnType<typeof serve>>
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'waymark-'))
  whole = await openWhole({ WAYMARK_SAMPLE: 'off', WAYMARK_ADMIN_KEY: secret })
  served = await serve(whole, { trusted: false })
})

afterAll(async () => {
  await served.close()
  await whole.close()
  await rm(directory, { recursive: true, force: true })
})

/** @returns what it said, where it found anything; else the empty text */
function found(args: readonly string[]): Promise<string> {
  const env = {
    ...process.env,
    SCHEMATHESIS_HOOKS: join(root, 'tests', 'integration', 'schemathesis_hooks.py'),
    PYTHONDONTWRITEBYTECODE: '1',
  }
  return new Promise((resolve) => {
    execFile(
      command,
      ['run', `${served.url}/openapi.json`, ...common, ...args],
      // It writes beside where it runs.
      { cwd: directory, env, timeout: 200_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => resolve(error === null ? '' : `${stdout}${stderr}${error.message}`),
    )
  })
}

describe.skipIf(!isThere())('Schemathesis', { timeout: 240_000 }, () => {
  it.each([
    ['each call by itself', [byItself, checks, `--exclude-path=${pixel}`, '--max-examples=5', '--max-time=60']],
    ['the pixel', [byItself, `${checks},negative_data_rejection`, `--include-path=${pixel}`, '--max-examples=5']],
    [
      'calls that follow from each other',
      ['--phases=stateful', checks, `--exclude-path=${pixel}`, '--max-examples=5', '--max-time=60'],
    ],
  ])('finds nothing in %s', async (_, args) => {
    const put = { type: 'application/json' as const, text: JSON.stringify(serviceInputExample) }
    expect((await whole.request('PUT', '/v1/services/renew-fishing-licence', put)).status).toBeLessThan(300)
    expect(await found(args)).toBe('')
  })
})
