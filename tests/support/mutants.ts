import { readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { z } from 'zod'
import type { Compile } from './agreement.ts'

/** A mistake in the compiler's text. */
export interface Mutant {
  readonly name: string
  /** Stands exactly once in the files of the compiler. */
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
  const files = readdirSync(compilerDirectory).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  const texts = new Map(files.map((file) => [file, readFileSync(join(compilerDirectory, file), 'utf8')]))
  const hits = [...texts].flatMap(([file, text]) =>
    Array.from({ length: text.split(mutant.find).length - 1 }, () => file),
  )
  const [hit] = hits
  if (hit === undefined || hits.length > 1)
    throw new Error(`the text to mutate stands ${hits.length} times in domain/funnel/, not once: ${mutant.find}`)

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
            basename(path) === hit
              ? { contents: (texts.get(hit) ?? '').replace(mutant.find, () => mutant.replace), loader: 'ts' }
              : null,
          )
        },
      },
    ],
  })
  const loaded: unknown = await import(/* @vite-ignore */ pathToFileURL(outfile).href)
  return compilerModule.parse(loaded).compileFunnel
}
