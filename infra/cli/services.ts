import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { parse } from 'yaml'
import { CommandError, json, problemLine, type Connection } from './connection.ts'

/** What the server adds to a definition, and what is therefore not compared. */
const added = ['id', 'version', 'createdAt', 'sample', 'key', 'deleted']

type Definition = Record<string, unknown>

export interface Change {
  readonly id: string
  /** Lines such as `+ owner: "Fishing team"`; empty when nothing changes. */
  readonly lines: readonly string[]
  readonly definition: Definition
}

/**
 * Reads services from YAML or JSON: one, a list, or `services:` with a list; each with its `id`.
 * @throws {CommandError}
 */
export async function readServices(file: string): Promise<(Definition & { id: string })[]> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new CommandError(`${file} cannot be read`, 2, { cause: error })
  }
  let parsed: unknown
  try {
    parsed = parse(text)
  } catch (error) {
    throw new CommandError(
      `${file} is neither YAML nor JSON: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''}`,
      2,
      { cause: error },
    )
  }
  const inner = isRecord(parsed) && Array.isArray(parsed['services']) ? parsed['services'] : parsed
  const list: unknown[] = Array.isArray(inner) ? inner : [inner]
  return list.map((item, index) => {
    if (!isRecord(item) || typeof item['id'] !== 'string' || !/^[a-z0-9-]{1,64}$/.test(item['id']))
      throw new CommandError(
        `${file}: services[${index}].id is missing: expected a slug, such as renew-fishing-licence`,
        2,
      )
    return { ...item, id: item['id'] }
  })
}

/** What applying a definition would change, as the server would keep it. */
export async function changeOf(
  connection: Pick<Connection, 'request'>,
  { id, ...given }: Definition & { id: string },
): Promise<Change> {
  const definition = withoutAdded(given)
  const answer = await connection.request('GET', `/v1/services/${id}`)
  if (answer.status === 404) return { id, definition, lines: ['+ new service', ...lines('+', definition)] }
  const before = withoutAdded(json(answer) as Definition)
  const names = [...new Set([...Object.keys(before), ...Object.keys(definition)])].sort()
  const changed = names.filter(
    (name) => !isDeepStrictEqual(before[name], definition[name]) && !isDefault(before[name], definition[name]),
  )
  return {
    id,
    definition,
    lines: changed.flatMap((name) => [
      ...(name in before ? lines('-', { [name]: before[name] }) : []),
      ...(name in definition ? lines('+', { [name]: definition[name] }) : []),
    ]),
  }
}

/** What GET shows can be applied as it is. */
function withoutAdded(definition: Definition): Definition {
  return Object.fromEntries(Object.entries(definition).filter(([name]) => !added.includes(name)))
}

/** @throws {CommandError} with the field that the server refused */
export async function applyChange(
  connection: Pick<Connection, 'request'>,
  { id, definition }: Change,
): Promise<number> {
  const answer = await connection.request('PUT', `/v1/services/${id}`, {
    text: JSON.stringify(definition),
    type: 'application/json',
  })
  if (answer.status >= 400) throw new CommandError(`${id}: ${problemLine(answer)}`)
  return (json(answer) as { version: number }).version
}

function lines(sign: '+' | '-', definition: Definition): string[] {
  return Object.entries(definition).map(([name, value]) => `${sign} ${name}: ${JSON.stringify(value)}`)
}

/** The server fills in what a file leaves out; that is no change. */
function isDefault(before: unknown, after: unknown): boolean {
  if (after !== undefined) return false
  return before === false || before === 'UTC' || (Array.isArray(before) && before.length === 0)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
