import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, it } from 'vitest'

/** Links from a document to another, or to a heading, lead somewhere. */

const root = join(import.meta.dirname, '..')
const documents = ['.', 'docs', 'docs/adr'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(root, folder, name)),
)
const text = (file: string): string => readFileSync(file, 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '')

/** As the pages where these are read make them: lower case, no punctuation, spaces as hyphens. */
const anchors = (file: string): string[] =>
  [...text(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )

it.each(documents.map((file) => relative(root, file)))('%s', (name) => {
  const file = join(root, name)
  const broken = [...text(file).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? file : join(dirname(file), path)
      return !existsSync(target) || (anchor !== undefined && !anchors(target).includes(anchor))
    })
  expect(broken).toEqual([])
})

it('sees a heading as its link does', () => {
  expect(anchors(join(root, 'docs', 'operations.md'))).toContain('at-scale-the-programs-apart')
})
