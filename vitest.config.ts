import { defineConfig } from 'vitest/config'
import { FaultReporter } from './tests/support/faults/reporter.ts'
import { CountingReporter } from './tests/support/reporter.ts'

export default defineConfig({
  // The pages are hono/jsx.
  esbuild: { jsx: 'automatic', jsxImportSource: 'hono/jsx' },
  test: {
    include: ['**/*.test.ts', '**/*.test.tsx'],
    exclude: ['node_modules', 'dist', 'data'],
    reporters: ['default', new FaultReporter(), new CountingReporter()],
    // chdb binds one data directory a process: every file has a process of its own.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
  },
})
