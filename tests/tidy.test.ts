import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { budgets } from '../infra/bin/beacon.js'
import { programs } from '../infra/bin/build.js'

/** Keeps the house: who may import whom, banned calls, what was left lying about, how long a function may be. */

const root = join(import.meta.dirname, '..')
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '')
const sources = files.filter((file) => /\.(ts|tsx|js)$/.test(file) && !file.startsWith('dist/'))
const text = (file: string): string => readFileSync(join(root, file), 'utf8')
const isTest = (file: string): boolean => file.startsWith('tests/') || /\.test\.tsx?$/.test(file)

/** Room → the rooms it may import, and the packages (`*`: any). DESIGN's table. */
const rooms: Record<string, { rooms: string[]; packages: string[] }> = {
  domain: { rooms: [], packages: ['zod'] },
  beacon: { rooms: [], packages: [] },
  collector: { rooms: ['domain'], packages: ['*'] },
  processor: { rooms: ['domain'], packages: ['*'] },
  queries: { rooms: ['domain'], packages: ['*'] },
  api: { rooms: ['domain', 'queries'], packages: ['*'] },
  alerts: { rooms: ['domain', 'queries'], packages: ['*'] },
  infra: { rooms: ['*'], packages: ['*'] },
  tests: { rooms: ['*'], packages: ['*'] },
}
const pure = ['domain']

function imports(file: string): string[] {
  return ts.preProcessFile(text(file), true, true).importedFiles.map((imported) => imported.fileName)
}

describe('who may import whom', () => {
  const checked = sources.filter((file) => (file.split('/')[0] ?? '') in rooms && !isTest(file))

  it('finds the rooms', () => {
    expect(checked.length).toBeGreaterThan(10)
  })

  it.each(checked)('%s', (file) => {
    const room = file.split('/')[0] ?? ''
    const rule = rooms[room]
    for (const imported of imports(file)) {
      if (imported.startsWith('.')) {
        const target = normalize(join(dirname(file), imported)).split('/')[0] ?? ''
        if (target === room || target === 'package.json') continue
        expect(rule?.rooms.includes('*') || rule?.rooms.includes(target), `${file} imports ${imported}`).toBe(true)
      } else if (pure.includes(room) || !rule?.packages.includes('*')) {
        expect(rule?.packages, `${file} imports ${imported}`).toContain(imported)
      }
    }
  })
})

const banned: { what: RegExp; where: (file: string) => boolean; instead: string }[] = [
  {
    what: /\bprocess\.env\b/,
    where: (file) => !isTest(file) && !file.startsWith('infra/bin/') && !file.startsWith('tests/'),
    instead: 'the environment that main is given, read by infra/config.ts',
  },
  {
    what: /\bDate\.now\(\)|\bnew Date\(\)|\bMath\.random\(\)|\bperformance\.now\(\)/,
    where: (file) => /^(domain|collector|processor|queries|api|alerts)\//.test(file) && !isTest(file),
    instead: 'the Clock port, or randomness as a parameter',
  },
  {
    what: /\bconsole\.(log|error|warn|info|debug)\b/,
    where: (file) => !isTest(file) && !file.startsWith('beacon/'),
    instead: 'the logger, or process.stdout in the command line',
  },
  {
    what: /\bexport default\b/,
    where: (file) => !/^[^/]+\.config\.(ts|js)$/.test(file) && file !== 'eslint.config.js',
    instead: 'a named export',
  },
  { what: /\b(vi|jest)\.mock\(/, where: () => true, instead: 'a real small implementation of the port' },
  { what: /\b(describe|it|test)\.(only|todo)\(/, where: () => true, instead: 'a whole run' },
]

describe('banned calls', () => {
  it.each(banned.map(({ what, ...rule }) => ({ what, pattern: what.source, ...rule })))(
    '$pattern: use $instead',
    ({ what, where }) => {
      const here = 'tests/tidy.test.ts'
      const found = sources
        .filter((file) => file !== here && where(file))
        .flatMap((file) =>
          text(file)
            .split('\n')
            .flatMap((line, index) => (what.test(line) && !/^\s*(\/\/|\*)/.test(line) ? [`${file}:${index + 1}`] : [])),
        )
      expect(found).toEqual([])
    },
  )
})

describe('what is left lying about', () => {
  const prose = files.filter(
    (file) =>
      /\.(ts|tsx|js|md|css|json|yaml|yml)$/.test(file) && file !== 'tests/tidy.test.ts' && file !== 'package-lock.json',
  )

  it.each(['TODO', 'FIXME', 'XXX', 'for now', 'not implemented'])('no %s', (word) => {
    const pattern = new RegExp(`\\b${word}\\b`)
    expect(prose.filter((file) => pattern.test(text(file)))).toEqual([])
  })

  it('has no address in the lock file', () => {
    expect(text('package-lock.json')).not.toMatch(/"resolved": *"http/)
  })

  it('has no file that nothing imports or runs', () => {
    const started = [...Object.values(programs), ...Object.keys(budgets).map((name) => `beacon/${name}.ts`)]
    const imported = new Set(
      sources.flatMap((file) =>
        imports(file)
          .filter((name) => name.startsWith('.'))
          .map((name) => normalize(join(dirname(file), name))),
      ),
    )
    const everything = files.filter((file) => /\.(ts|tsx|js|json|md|sh)$/.test(file) || file.startsWith('.ci/'))
    const orphans = sources.filter(
      (file) =>
        !imported.has(file) &&
        !isTestFile(file) &&
        !started.includes(file) &&
        !file.includes('.config.') &&
        !file.startsWith('infra/bin/') &&
        // A file that is started or read by its path, such as the child process of a fault test.
        !everything.some((other) => other !== file && text(other).includes(file.split('/').at(-1) ?? file)),
    )
    expect(orphans).toEqual([])
  })
})

const isTestFile = (file: string): boolean => /\.test\.tsx?$/.test(file)

describe('functions', () => {
  const linesMax = 70

  it(`have at most ${linesMax} lines`, () => {
    const long: string[] = []
    for (const file of sources.filter((source) => !isTest(source))) {
      const source = ts.createSourceFile(file, text(file), ts.ScriptTarget.Latest, true)
      const visit = (node: ts.Node): void => {
        // The function around a whole script of the beacon keeps its names to itself.
        const isScope = file.startsWith('beacon/') && node.parent && ts.isParenthesizedExpression(node.parent)
        if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined && !isScope) {
          const from = source.getLineAndCharacterOfPosition(node.getStart()).line
          const to = source.getLineAndCharacterOfPosition(node.end).line
          if (to - from + 1 > linesMax) long.push(`${file}:${from + 1} (${to - from + 1} lines)`)
        }
        ts.forEachChild(node, visit)
      }
      visit(source)
    }
    expect(long).toEqual([])
  })
})

describe('the workshop', () => {
  it('names no path of the machine it was made on', () => {
    const pattern = new RegExp(['/wo' + 'rk/', '/ro' + 'ot/'].join('|'))
    expect(files.filter((file) => /\.(ts|tsx|js|md|json|sh|css|yaml)$/.test(file) && pattern.test(text(file)))).toEqual(
      [],
    )
  })
})
