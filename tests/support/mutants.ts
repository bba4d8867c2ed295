import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { z } from 'zod'
import type { Compile } from './agreement.ts'

/** A mistake in the compiler's text. */
export interface Mutant {
  readonly name: string
  /** In domain/funnel/. */
  readonly file: string
  /** Stands exactly once in the file. */
  readonly find: string
  readonly replace: string
}

const compilerDirectory = fileURLToPath(new URL('../../domain/funnel/', import.meta.url))

const compilerModule = z.object({
  compileFunnel: z.custom<Compile>((value) => typeof value === 'function'),
})

/**
 * The compiler with the mistake in it, bundled into a file of its own.
 * @param directory for that file
 * @throws Error unless `find` stands exactly once
 */
export async function mutatedCompiler(mutant: Mutant, directory: string, number: number): Promise<Compile> {
  const original = join(compilerDirectory, mutant.file)
  const text = readFileSync(original, 'utf8')
  const times = text.split(mutant.find).length - 1
  if (times !== 1)
    throw new Error(`the text to mutate stands ${times} times in ${mutant.file}, not once: ${mutant.find}`)

  const outfile = join(directory, `mutant-${number}.mjs`)
  await build({
    entryPoints: [join(compilerDirectory, 'compile.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
    plugins: [
      {
        name: 'mutant',
        setup: (pass) => {
          pass.onLoad({ filter: /domain\/funnel\/[^/]+\.ts$/ }, ({ path }) =>
            path === original ? { contents: text.replace(mutant.find, () => mutant.replace), loader: 'ts' } : null,
          )
        },
      },
    ],
  })
  const loaded: unknown = await import(/* @vite-ignore */ pathToFileURL(outfile).href)
  return compilerModule.parse(loaded).compileFunnel
}
