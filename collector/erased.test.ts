import { beforeEach, describe, expect, it } from 'vitest'
import { journeyHash } from '../domain/identity.ts'
import { sha256 } from '../infra/hash.ts'
import { bodyOf, openCollector, post, receivedAt, secret, sent, step, type Bench } from '../tests/support/collector.ts'

/** Events of an erased journey: acknowledged, dropped and counted, whatever way they come. */

const hashOf = (journey: string, service = 'fishing'): string => journeyHash(sha256, secret, service, journey)

let bench: Bench

beforeEach(async () => {
  bench = await openCollector({ foreignStepsMax: 1, dimensionValuesMax: 1 })
  await bench.erasures.add([{ service: 'fishing', journey: hashOf('gone'), at: receivedAt }])
})

const batch = (journey: string, ...events: object[]) => bodyOf(events, { journey })

describe('events of an erased journey', () => {
  it('are acknowledged as JSON, and none is stored', async () => {
    const { status } = await post(bench, batch('gone', step(), step('done'), step('done', { type: 'leave' })))
    expect([status, bench.stored(), bench.signals.said]).toEqual([204, [], ['dropped erased 3']])
  })

  it('bring no name and no value into use', async () => {
    await post(bench, batch('gone', step('only they', { attrs: { region: 'only theirs' } })))
    const { status } = await post(bench, batch('here', step('somebody', { attrs: { region: 'north' } })))
    expect([status, bench.stored().map((event) => [event.step, event.dimensions.at(-1)])]).toEqual([
      204,
      [['somebody', ['region', 'north']]],
    ])
  })

  it('are refused where anybody’s would be', async () => {
    const bad = await post(bench, batch('gone', step(), step('start', { at: 'yesterday' })))
    expect([bad.status, bad.code, bad.path]).toEqual([400, 'invalid-event', 'events[1].at'])
    const personal = await post(bench, batch('gone', step('jo.bloggs@example.com')))
    expect([personal.status, personal.code]).toEqual([400, 'personal-data'])
  })

  it('are accepted lines of NDJSON, and those around them are stored', async () => {
    const lines = ['here', 'gone', 'there', 'gone', 'here'].map((journey, index) =>
      JSON.stringify({ service: 'fishing', journey, ...step('start', { seq: index }) }),
    )
    const headers = { Authorization: `Bearer ${await bench.key(['ingest'])}`, 'Content-Type': 'application/x-ndjson' }
    const answer = await post(bench, [...lines, '{"service":"nowhere"}'].join('\n'), headers)
    expect(JSON.parse(answer.body)).toMatchObject({ accepted: 5, refusedCount: 1 })
    expect(JSON.parse(answer.body)).not.toHaveProperty('erased')
    expect(bench.stored().map(({ journey, seq }) => [journey, seq])).toEqual([
      [hashOf('here'), 0],
      [hashOf('there'), 2],
      [hashOf('here'), 4],
    ])
    expect(bench.signals.said).toEqual(['refused unknown-service 1', 'dropped erased 2', 'accepted 3'])

    const alone = await post(bench, lines[1], headers)
    expect([alone.status, JSON.parse(alone.body)]).toEqual([200, { accepted: 1, refusedCount: 0, refused: [] }])
    expect(bench.stored()).toEqual([])
  })

  it('are an image as a pixel, and not stored', async () => {
    const image = await sent(await bench.app.request('/v1/pixel.gif?service=fishing&journey=gone&step=start'))
    expect([image.status, image.headers.get('Content-Type')]).toEqual([200, 'image/gif'])
    expect([bench.stored(), bench.signals.said]).toEqual([[], ['dropped erased 1']])
  })

  it('are those of one service: the same reference elsewhere is another journey', async () => {
    await post(bench, bodyOf([step()], { journey: 'gone', service: 'listed' }), { Origin: 'https://listed.example' })
    expect(bench.stored().map(({ journey }) => journey)).toEqual([hashOf('gone', 'listed')])
  })

  it('are dropped from the moment of the erasure on', async () => {
    await post(bench, batch('here', step()))
    await bench.erasures.add([{ service: 'fishing', journey: hashOf('here'), at: receivedAt }])
    await post(bench, batch('here', step('done')))
    expect(bench.stored().map((event) => event.step)).toEqual(['start'])
    expect(bench.signals.said).toEqual(['accepted 1', 'dropped erased 1'])
  })
})
