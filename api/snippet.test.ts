import { describe, expect, it } from 'vitest'
import { apiUnderTest } from '../tests/support/api.ts'
import { scriptsExample } from './examples-set-up.ts'
import { snippetAnswer, type SnippetAnswer } from './snippet.ts'

const definition = (more: object = {}) => ({
  name: 'Fishing',
  funnel: { steps: ['start', { anyOf: ['Pay "now" & <here>', 'start'] }, 'done'] },
  ...more,
})

async function snippetOf(query = '', more: object = {}): Promise<SnippetAnswer> {
  const { request } = apiUnderTest()
  await request('/v1/services/pay', { method: 'PUT', body: definition(more) })
  const answer = await request(`/v1/services/pay/snippet${query}`)
  expect(answer.status).toBe(200)
  return snippetAnswer.parse(await answer.json())
}

describe('GET …/snippet', () => {
  it('has the tag with its hash, where the call was sent to', async () => {
    const { base, tag, updatingTag, noscript } = await snippetOf()
    const [core] = scriptsExample
    expect(base).toBe('http://localhost/')
    expect(tag).toBe(
      `<script defer src="http://localhost${core?.hashedPath}" integrity="${core?.integrity}" crossorigin="anonymous" data-service="pay" data-step="STEP" data-journey="{{ reference }}"></script>`,
    )
    expect(updatingTag).toBe(
      '<script defer src="http://localhost/beacon.js" data-service="pay" data-step="STEP" data-journey="{{ reference }}"></script>',
    )
    expect(noscript).toBe(
      '<noscript><img src="http://localhost/v1/pixel.gif?service=pay&amp;step=STEP&amp;journey={{ reference }}" alt=""></noscript>',
    )
  })

  it('has a page for each step, escaped', async () => {
    const { pages } = await snippetOf('?base=https://waymark.example/of/ours')
    expect(pages.map(({ step }) => step)).toEqual(['start', 'Pay "now" & <here>', 'done'])
    expect(pages[1]?.html).toContain('src="https://waymark.example/of/ours/beacon-')
    expect(pages[1]?.html).toContain('data-step="Pay &quot;now&quot; &amp; &lt;here&gt;"')
    expect(pages[1]?.html).toContain('&amp;step=Pay+%22now%22+%26+%3Chere%3E&amp;journey=')
  })

  it('loads extensions first, shows the public key, and names what a policy needs', async () => {
    const { tag, contentSecurityPolicy, firstParty } = await snippetOf(
      '?base=https://waymark.example&extension=forms',
      { publicKey: true },
    )
    const sources = [...tag.matchAll(/src="([^"]*)"/g)].map(([, source]) => source)
    expect(sources.map((source) => source?.replace(/[0-9a-f]{16}/, ''))).toEqual([
      'https://waymark.example/beacon-forms-.js',
      'https://waymark.example/beacon-.js',
    ])
    expect(tag).toMatch(/data-key="[^"]+"/)
    expect(contentSecurityPolicy).toEqual({
      'script-src': 'https://waymark.example',
      'connect-src': 'https://waymark.example/v1/events',
      'img-src': 'https://waymark.example/v1/pixel.gif',
    })
    expect(firstParty.html).toContain('src="/waymark/beacon.js"')
    expect(firstParty.nginx).toContain('proxy_pass https://waymark.example/;')
    expect(firstParty.caddy).toContain('reverse_proxy https://waymark.example {')
  })

  it.each([
    ['base=waymark.example'],
    ['base=javascript:alert(1)'],
    ['base=https://a:b@waymark.example'],
    ['base=https://waymark.example/%22%3E?x'],
    ['base=https://waymark.example/;script-src'],
    ['extension=nothing'],
    ['extension=forms&extension=forms&extension=forms'],
  ])('refuses %s, and says what is allowed', async (query) => {
    const { request } = apiUnderTest()
    await request('/v1/services/pay', { method: 'PUT', body: definition() })
    const answer = await request(`/v1/services/pay/snippet?${query}`)
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(query.split('=')[0] ?? '')])
  })
})
