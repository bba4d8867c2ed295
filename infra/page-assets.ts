import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { pageAssets, type PageAssets } from '../api/pages/assets.ts'
import { projectFile } from './project.ts'

/** Reads what the pages' assets are made from: GOV.UK Frontend from where Node finds the package, and our own files. */
export async function readPageAssets(): Promise<PageAssets> {
  const frontend = createRequire(import.meta.url).resolve('govuk-frontend/dist/govuk/govuk-frontend.min.css')
  const [frontendCss, waymarkCss, iconSvg] = await Promise.all([
    readFile(frontend, 'utf8'),
    readFile(projectFile('api', 'pages', 'assets', 'waymark.css'), 'utf8'),
    readFile(projectFile('api', 'pages', 'assets', 'icon.svg'), 'utf8'),
  ])
  return pageAssets({ frontendCss, waymarkCss, iconSvg })
}
