import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { projectFile } from './project.ts'
import { settings } from './config.ts'

it('docs/operations.md has every setting with its default, and no other', () => {
  const rows = [
    ...readFileSync(projectFile('docs', 'operations.md'), 'utf8').matchAll(
      /^\| `(WAYMARK_\w+)` \| (?:`([^`]+)`|([^|]+)) \|/gm,
    ),
  ]
  const documented: Record<string, string | undefined> = {}
  for (const [, name = '', value] of rows) documented[name] = value
  const defaults = Object.entries(settings).map(
    ([name, setting]) => [name, 'default' in setting ? setting.default : undefined] as const,
  )
  expect(documented).toEqual(Object.fromEntries(defaults))
})
