import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildBeacon, sizeTable } from '../../infra/bin/beacon.js'
import { measureArrival, type Arrivals, type Sender } from '../support/beacon-arrival.ts'
import { browserNames, hasThisBrowser, type BrowserName } from '../support/beacon-browser.ts'

const stepsDefault = 2_000

/**
 * Of pages that go as soon as their script has run, how many steps arrive: the beacon beside `fetch` with keepalive
 * alone and an image alone, in each browser there is, under 100 ms of latency, across origins, with TLS.
 */
export async function beacon([steps = stepsDefault]: readonly number[]): Promise<unknown> {
  process.stdout.write(`${sizeTable(await buildBeacon())}\n`)
  const arrivals: Partial<Record<BrowserName, Record<Sender, Arrivals & { share: number }>>> = {}
  for (const name of browserNames.filter(hasThisBrowser)) {
    const directory = await mkdtemp(join(tmpdir(), 'waymark-beacon-'))
    try {
      const measured = await measureArrival(name, steps, directory)
      arrivals[name] = Object.fromEntries(
        Object.entries(measured).map(([sender, { sent, arrived }]) => [
          sender,
          { sent, arrived, share: arrived / sent },
        ]),
      ) as Record<Sender, Arrivals & { share: number }>
      process.stdout.write(`${JSON.stringify({ browser: name, ...arrivals[name] })}\n`)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }
  return { arrivals, goal: { beaconShare: 0.999 } }
}
