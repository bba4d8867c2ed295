import { describe, expect, it } from 'vitest'
import { readPageAssets } from '../../infra/page-assets.ts'
import { frontendForOthers } from './assets.ts'

describe('what the pages refer to', () => {
  it('has neither the typeface nor the crest of gov.uk, and asks for nothing else', async () => {
    const { styles } = await readPageAssets()
    const css = styles.map(({ bytes }) => Buffer.from(bytes).toString()).join('\n')
    expect(css).toContain('.govuk-table')
    expect(css).not.toMatch(/GDS Transport|crest|@font-face|@import|url\(/)
  })

  it('refuses styles that would ask for something of gov.uk all the same', () => {
    expect(() => frontendForOthers('.a{font-family:GDS Transport,sans-serif}')).toThrow('GDS Transport')
    expect(() => frontendForOthers('.a{background:url(/assets/images/other.svg)}')).toThrow('url(')
  })

  it('has a path that changes with the bytes', async () => {
    const { styles, icon } = await readPageAssets()
    for (const { path } of [...styles, icon]) expect(path).toMatch(/^\/assets\/[a-z-]+-[0-9a-f]{16}\.(css|svg)$/)
  })
})
