import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { shape } from '../../domain/limits.ts'
import { CommandError, json, type Connection } from './connection.ts'
import type { Cli } from './main.ts'

const linesMax = shape.erasuresPageMax

/** `waymark erasures export | apply`: the list of what was erased, kept beside the backups and applied after a restore. */
export function addErasures(waymark: Command, cli: Cli): void {
  const erasures = waymark.command('erasures').description('journeys that were erased')
  erasures
    .command('export')
    .description('prints the list, a line of JSON each: to be kept beside the backups')
    .action(() =>
      cli.connected(async (connection) => {
        let count = 0
        for await (const line of listed(connection)) {
          cli.print(line)
          count += 1
        }
        cli.tell(`${count} erasures`)
      }),
    )
  erasures
    .command('apply')
    .description('erases the journeys of such a list again: part of a restore')
    .argument('<file>', 'as exported; - reads standard input')
    .action((file: string) =>
      cli.connected(async (connection) => {
        let count = 0
        for await (const lines of pieces(file)) {
          const text = `{"erasures":[${lines.join(',')}]}`
          json(await connection.request('POST', '/v1/erasures', { text, type: 'application/json' }))
          count += lines.length
        }
        cli.print(`${count} erasures applied`)
      }),
    )
}

interface Page {
  readonly erasures: readonly unknown[]
  readonly cursor: string | null
}

async function* listed(connection: Connection): AsyncGenerator<string> {
  for (let cursor: string | null = ''; cursor !== null;) {
    const path: string = cursor === '' ? '/v1/erasures' : `/v1/erasures?cursor=${encodeURIComponent(cursor)}`
    const page = json(await connection.request('GET', path)) as Page
    for (const erasure of page.erasures) yield JSON.stringify(erasure)
    cursor = page.cursor
  }
}

/** The lines of a file, so many at a time. @throws {CommandError} naming the line that is not JSON */
async function* pieces(file: string): AsyncGenerator<readonly string[]> {
  const input = file === '-' ? process.stdin : createReadStream(file)
  let lines: string[] = []
  let number = 0
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      number += 1
      if (line.trim() === '') continue
      assertObject(line, number)
      lines.push(line)
      if (lines.length < linesMax) continue
      yield lines
      lines = []
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new CommandError(`${file} is not there`, 2, { cause: error })
    throw error
  }
  if (lines.length > 0) yield lines
}

function assertObject(line: string, number: number): void {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null) return
  } catch {
    // Said below.
  }
  throw new CommandError(`line ${number} is no line of an exported list`, 2)
}
