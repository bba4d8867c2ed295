import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file of this project, wherever the process was started and whether or not this module is part of a build. */
export function projectFile(...path: readonly string[]): string {
  return join(projectFolder(dirname(fileURLToPath(import.meta.url))), ...path)
}

/** As in package.json. */
export function projectVersion(): string {
  return (JSON.parse(readFileSync(projectFile('package.json'), 'utf8')) as { version: string }).version
}

function projectFolder(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'api', 'pages', 'assets'))) return folder
    if (folder === dirname(folder)) throw new Error('the files of Waymark are not above the running program')
  }
}
