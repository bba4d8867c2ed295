import { readFile } from 'node:fs/promises'
import type { Hono } from 'hono'
import type { ApiEnv } from '../api/app.ts'
import { createDocs, type DocsOptions } from '../api/docs/app.tsx'
import { projectFile, projectVersion } from './project.ts'

/** `/openapi.json` and `/docs`, with the script of the page as it lies in the source. */
export async function openDocumentation(options: Omit<DocsOptions, 'script' | 'appVersion'>): Promise<Hono<ApiEnv>> {
  const script = await readFile(projectFile('api', 'docs', 'assets', 'try-it.mjs'), 'utf8')
  return createDocs({ ...options, script, appVersion: projectVersion() })
}
