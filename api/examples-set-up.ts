import type { LiveAnswer } from '../queries/answers.ts'
import { serviceInput } from '../domain/service.ts'
import { serviceInputExample } from './examples.ts'
import { snippet, type BeaconScript, type SnippetAnswer } from './snippet.ts'

/** Set-up in the documentation: what the process serves has other hashes. */

const script = (extension: string | null, hash: string): BeaconScript => {
  const stem = extension === null ? '/beacon' : `/beacon-${extension}`
  return {
    extension,
    path: `${stem}.js`,
    hashedPath: `${stem}-${hash}.js`,
    integrity: 'sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC',
  }
}

export const scriptsExample: readonly BeaconScript[] = [
  script(null, '2c26b46b68ffc68f'),
  script('forms', 'fcde2b2edba56bf4'),
]

export const snippetExample: SnippetAnswer = snippet(
  { ...serviceInput.parse(serviceInputExample), id: 'renew-fishing-licence' },
  {
    base: 'https://waymark.example/',
    scripts: scriptsExample,
    extensions: [],
  },
)

export const liveExample: LiveAnswer = {
  service: 'renew-fishing-licence',
  from: '2026-02-12T09:00:00.000Z',
  to: '2026-02-12T10:00:00.000Z',
  tz: 'Europe/London',
  asOf: '2026-02-12T10:00:00.000Z',
  revision: 'mlj0x4e8.0.0.1x2y3z4',
  period: 'partial',
  version: 2,
  journeys: 1,
  warnings: [],
  events: [
    {
      journey: '9f86d081884c7d65',
      type: 'step',
      step: 'your-name',
      at: 1770890398000,
      seq: 1,
      channel: 'online',
      attrs: { browser: 'firefox', device: 'mobile', referrer: 'internal' },
    },
    {
      journey: '9f86d081884c7d65',
      type: 'leave',
      step: 'start',
      at: 1770890397940,
      seq: 2,
      engagedMs: 5210,
      channel: 'online',
      attrs: { browser: 'firefox', device: 'mobile', referrer: 'search' },
    },
  ],
}
