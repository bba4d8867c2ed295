import type { Reporter, TestCase, TestModule } from 'vitest/node'
import type { FaultReport } from './fault.ts'

const columns = [
  ['fault', (one: FaultReport) => `${one.fault} ${one.name}`],
  ['rounds', ({ rounds }: FaultReport) => number(rounds)],
  ['sent', ({ sent }: FaultReport) => number(sent)],
  ['acknowledged', ({ acknowledged }: FaultReport) => number(acknowledged)],
  ['stored', ({ stored }: FaultReport) => number(stored)],
  ['copies', ({ copies }: FaultReport) => number(copies)],
  ['retried', ({ retries }: FaultReport) => number(retries)],
  ['to recover, s', ({ recoverSeconds: { median, most } }: FaultReport) => `${median.toFixed(1)} (${most.toFixed(1)})`],
  [
    'also',
    ({ more = {} }: FaultReport) =>
      Object.entries(more)
        .map(([name, value]) => `${name} ${typeof value === 'number' ? number(value) : value}`)
        .join(', '),
  ],
] as const

const number = (value: number): string => value.toLocaleString('en-GB')

/** What each fault has shown: a line of JSON when it ends, and a table (docs/faults.md has one) when all have. */
export class FaultReporter implements Reporter {
  onTestCaseResult(test: TestCase): void {
    const { fault } = test.meta()
    if (fault !== undefined) process.stdout.write(`${JSON.stringify(fault)}\n`)
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const reports = modules
      .flatMap((module) => [...module.children.allTests()])
      .flatMap((test) => test.meta().fault ?? [])
      .sort((a, b) => a.fault - b.fault)
    if (reports.length === 0) return
    const lines = [
      columns.map(([title]) => title),
      columns.map(() => '---'),
      ...reports.map((report) => columns.map(([, value]) => value(report))),
    ]
    process.stdout.write(`\n${lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('')}`)
  }
}
