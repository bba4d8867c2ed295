import { describe, expect, it, onTestFinished } from 'vitest'
import { createKnownNames } from '../../collector/known-names.ts'
import { verdictType } from '../../domain/funnel/verdict.ts'
import { defaultLimits } from '../../domain/limits.ts'
import { param, sql } from '../../domain/sql.ts'
import { trailContent } from '../../domain/trail-content.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { seenNames } from '../../infra/clickhouse/known-names.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { storedEvent } from '../support/trails.ts'

const now = Date.UTC(2026, 10, 23)
const day = 86_400_000

describe('names that the store has seen', () => {
  it('are in use after a restart: names seen lately, and values up to the limit', async () => {
    const stores = await openEmbedded(await temporaryDirectory())
    onTestFinished(() => stores.close())
    await stores.writes.insert(
      'step_names',
      ['service', 'step', 'lastSeen'],
      [
        ['fishing', 'page, 1', now - 30 * day],
        ['fishing', 'page, 1', now - day],
        ['fishing', 'gone', now - 28 * day - 1],
        ['hunting', 'elsewhere', now],
      ],
    )
    for (const [journey, value] of ['a', 'b', 'c'].entries()) {
      await stores.writes.command(sql`
        INSERT INTO facts (service, journey, revision, dimensions, givenAt, givenLastAt, givenVerdict)
        SELECT 'fishing', ${param('UInt64', journey)}, 1, map('region', ${param('String', value)}, 'device', 'mobile'),
          [1], 1, CAST((0, 0, 0, 0, 0, [], 0, 0, -1), ${param('String', verdictType)})`)
    }
    const limits = { ...defaultLimits, dimensionValuesMax: 2 }
    const names = createKnownNames({
      clock: { now: () => now },
      limits,
      seen: await seenNames(stores.reads, limits, now),
    })
    const fishing = names.of('fishing')
    expect(['page, 1', 'gone', 'elsewhere'].map((name) => fishing.seesStep(name))).toEqual([true, false, false])
    expect(['a', 'b', 'c'].map((value) => fishing.seesValue('region', value))).toEqual([true, true, false])
    expect(fishing.addValue('region', 'c')).toBe(false)
    expect(fishing.seesValue('device', 'mobile')).toBe(true)
    expect(names.of('hunting').seesStep('elsewhere')).toBe(true)
  })

  it('hold no place for `other`, and the values that only later events of a journey have', async () => {
    const stores = await openEmbedded(await temporaryDirectory())
    onTestFinished(() => stores.close())
    for (const [journey, value] of ['a', 'b', 'other'].entries())
      await stores.writes.command(sql`
        INSERT INTO facts (service, journey, revision, dimensions, givenAt, givenLastAt, givenVerdict)
        SELECT 'fishing', ${param('UInt64', journey)}, 1, map('region', ${param('String', value)}),
          [1], 1, CAST((0, 0, 0, 0, 0, [], 0, 0, -1), ${param('String', verdictType)})`)
    const events = ['a', 'b', 'later', 'other'].map((value, at) =>
      storedEvent({ service: 'fishing', at, dimensions: [['region', value]] }),
    )
    await stores.writes.insert(
      'trail',
      ['service', 'journey', 'identity', 'at', 'engagedMs', 'content'],
      events.map((event) => [event.service, '1', String(event.at), event.at, 0, trailContent(event)]),
    )
    const limits = { ...defaultLimits, dimensionValuesMax: 4 }
    const seen = await seenNames(stores.reads, limits, now)
    const fishing = createKnownNames({ clock: { now: () => now }, limits, seen }).of('fishing')
    expect(['a', 'b', 'later', 'other'].map((value) => fishing.seesValue('region', value))).toEqual([
      true,
      true,
      true,
      false,
    ])
    expect([fishing.addValue('region', 'c'), fishing.addValue('region', 'd')]).toEqual([true, false])
  })
})
