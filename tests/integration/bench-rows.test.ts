import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { raw } from '../../domain/sql.ts'
import { checkFacts } from '../bench/query-check.ts'
import { makeDataSet, openDataSet, type Opened } from '../bench/query-data.ts'
import { benchServices, largest, smallest, withOptionalStep, withTwentySteps } from '../bench/query-services.ts'

const until = Date.parse('2026-03-20T11:30:00Z')
const events = 80_000
const services = benchServices.filter(({ id }) => [largest, withTwentySteps, withOptionalStep, smallest].includes(id))

/** Within a quarter. */
const about = (share: number): unknown => expect.toSatisfy((seen: number) => Math.abs(seen / share - 1) < 0.25)

describe('rows of the query benchmark', () => {
  const directory = mkdtempSync(join(tmpdir(), 'waymark-'))
  let opened: Opened
  beforeAll(async () => {
    opened = await openDataSet(directory, until)
    await makeDataSet(opened, events, until, services)
  })
  afterAll(async () => {
    await opened.stores.close()
    rmSync(directory, { recursive: true, force: true })
  })

  it('are the facts that the processor makes of the trails', async () => {
    const { journeys, differences } = await checkFacts(opened, 500)
    expect(differences).toEqual([])
    expect(journeys).toBeGreaterThan(1_000)
  })

  it('are the same events in trail, facts and the raw table, four a journey', async () => {
    const [counts] = await opened.stores.reads.select<Record<string, string>>(
      raw(`SELECT (SELECT count() FROM trail FINAL) AS trail, (SELECT sum(events) FROM facts FINAL) AS facts,
        (SELECT count() FROM raw_events) AS raw, (SELECT count() FROM facts FINAL) AS journeys`),
    )
    const { trail, facts, raw: rawEvents, journeys } = counts ?? {}
    expect([facts, rawEvents]).toEqual([trail, trail])
    expect(Number(trail) / Number(journeys)).toBeGreaterThan(3.5)
    expect(Number(trail) / Number(journeys)).toBeLessThan(4.6)
  })

  it('hold what makes a question hard: returns, loops, journeys without a device, outcomes, and none of the future', async () => {
    const [shares] = await opened.stores.reads.select<Record<string, number>>(
      raw(`SELECT avg(lastAfter > 3600000) AS returning, avg(length(arrayDistinct(step)) < length(step)) AS looping,
        avg(NOT mapContains(dimensions, 'device')) AS nameless, avg(length(outcome) > 0) AS ending,
        avg(completed) AS completing, avg(lastAt >= ${until}) AS future FROM facts FINAL`),
    )
    expect(shares).toEqual({
      returning: about(1 / 7),
      looping: about(0.17),
      nameless: about(0.08),
      ending: about(0.015),
      completing: about(0.115),
      future: 0,
    })
  })
})
