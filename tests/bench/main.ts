import type { Start } from '../../infra/program.ts'
import { annotations } from './annotations.ts'
import { collector } from './collector.ts'
import { freshness } from './freshness.ts'
import { hostile } from './hostile.ts'
import { processor } from './processor.ts'
import { storage } from './storage.ts'
import { machine } from './machine.ts'

const benchmarks: Readonly<Record<string, () => Promise<unknown>>> = {
  collector,
  processor,
  freshness,
  storage,
  hostile,
  annotations,
}

/** `npm run bench` runs all, `npm run bench -- NAME` one; the last line of each is one JSON object. */
export async function main({ args }: Start): Promise<number> {
  const names = args.length === 0 ? Object.keys(benchmarks) : args
  for (const name of names) {
    const benchmark = benchmarks[name]
    if (benchmark === undefined) {
      process.stderr.write(
        `unknown benchmark ${JSON.stringify(name)}: expected one of ${Object.keys(benchmarks).join(', ')}\n`,
      )
      return 2
    }
    const result = await benchmark()
    process.stdout.write(`${JSON.stringify({ benchmark: name, machine: machine(), result })}\n`)
  }
  return 0
}
