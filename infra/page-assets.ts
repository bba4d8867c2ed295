import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pageAssets, type PageAssets } from '../api/pages/assets.ts'

/**
 * Reads what the pages' assets are made from, wherever the process was started: GOV.UK Frontend from where Node
 * finds the package, our own files from the folder above this file that has them (this file may be part of a build).
 */
export async function readPageAssets(): Promise<PageAssets> {
  const frontend = createRequire(import.meta.url).resolve('govuk-frontend/dist/govuk/govuk-frontend.min.css')
  const own = ownFolder(dirname(fileURLToPath(import.meta.url)))
  const [frontendCss, waymarkCss, iconSvg] = await Promise.all([
    readFile(frontend, 'utf8'),
    readFile(join(own, 'waymark.css'), 'utf8'),
    readFile(join(own, 'icon.svg'), 'utf8'),
  ])
  return pageAssets({ frontendCss, waymarkCss, iconSvg })
}

function ownFolder(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'api', 'pages', 'assets')
    if (existsSync(join(found, 'waymark.css'))) return found
    if (folder === dirname(folder)) throw new Error('api/pages/assets is not above the running program')
  }
}
