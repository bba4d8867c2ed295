import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { funnelAnswer } from '../../queries/answers.ts'
import { openWhole, type Whole } from '../support/whole.ts'

/** A team embeds on one day and looks on the next: no window has passed, and the page says where people leave. */

const dayMs = 24 * 60 * 60 * 1000
const service = 'report-a-pothole'

/** So many journeys that did these steps, a minute apart, from an hour of yesterday. */
function journeys(count: number, steps: readonly string[]): string[] {
  const from = Math.floor(Date.now() / dayMs) * dayMs - dayMs + 3_600_000
  return Array.from({ length: count }, (_, index) =>
    steps.map((step, position) =>
      JSON.stringify({
        service,
        journey: `${steps.length}-${index}`,
        step,
        at: from + index * 1_000 + position * 60_000,
      }),
    ),
  ).flat()
}

describe('the page of a service on its second day', () => {
  let whole: Whole
  const page = async (path = `/services/${service}`): Promise<string> => {
    const { status, text } = await whole.request('GET', path)
    expect(status, text).toBe(200)
    return text
  }

  beforeAll(async () => {
    whole = await openWhole({ WAYMARK_SAMPLE: 'off' })
    const definition = {
      name: 'Report a pothole',
      department: 'transport',
      funnel: { steps: ['start', 'photo', 'sent'] },
    }
    await whole.request('PUT', `/v1/services/${service}`, {
      type: 'application/json',
      text: JSON.stringify(definition),
    })
  })
  afterAll(() => whole.close())

  it('first says how to send an event', async () => {
    expect(await page()).toContain('No journeys in these days')
  })

  it('then names provisional leavers, states no rate, and agrees with the API', async () => {
    const lines = [
      ...journeys(40, ['start', 'photo', 'sent']),
      ...journeys(13, ['start', 'photo']),
      ...journeys(7, ['start']),
    ]
    const sent = await whole.request('POST', '/v1/events', { type: 'application/x-ndjson', text: lines.join('\n') })
    expect(sent.status, sent.text).toBe(200)
    await whole.shown()

    const { text } = await whole.request('GET', `/v1/services/${service}/funnel`)
    const answer = funnelAnswer.parse(JSON.parse(text))
    expect(answer.steps.map(({ entered, left }) => [entered, left.open, left.silent])).toEqual([
      [60, 7, 7],
      [53, 13, 13],
      [40, 0, 0],
    ])

    const shown = await page()
    expect(shown).toContain('How many of 60 journeys reached each step')
    expect(shown).toContain('20 open journeys have been quiet for longer than 95%')
    expect(shown).toContain('13 still open here, of which 13 quiet (provisional)')
    expect(shown).toContain('Most go quiet here (provisional)')
    expect(shown).toContain('Rates are over journeys whose window has passed, and that of none has.')
    expect(shown).toContain('Partial: ')
  })

  it('is in the ranking, where nothing can be said of it yet', async () => {
    const shown = await page('/')
    expect(shown).toContain('Nothing to rank yet')
    expect(shown).toContain(`href="/services/${service}"`)
    expect(shown).toContain('of 60 started')
  })

  it('compares groups, and says what a filter may hold', async () => {
    expect(await page(`/services/${service}?breakdown=channel`)).toContain('>online</a>')
    const refused = await whole.request('GET', `/services/${service}?where=colour:red`)
    expect(refused.status).toBe(400)
    expect(refused.text).toContain('There is a problem')
    expect(refused.text).not.toContain('colour')
  })
})
