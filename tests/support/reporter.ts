import type { Reporter, TestModule } from 'vitest/node'

/**
 * Names what was skipped, counts in one plain line, and makes a skip a failure where CI=true: there the
 * machine has to have everything.
 */
export class CountingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    const skipped: string[] = []
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const state = test.result().state
        count[state]++
        if (state === 'skipped') skipped.push(`${module.relativeModuleId}: ${test.fullName}`)
      }
    }
    for (const name of skipped) process.stdout.write(`skipped: ${name}\n`)
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`)
    if (process.env['CI'] === 'true' && skipped.length > 0) {
      process.stdout.write('CI=true: a skipped test is a failure\n')
      process.exitCode = 1
    }
  }
}
