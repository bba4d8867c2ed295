import type { IncomingMessage } from 'node:http'
import { Exception } from './exception.ts'
import { header } from './request.ts'
import type { Statement } from './statement.ts'

export interface User {
  readonly name: string
  readonly password: string
  /** As the setting: 1 reads and sets nothing, 2 reads. */
  readonly readonly?: 0 | 1 | 2
  /** Statements that are not granted, as a regular expression. */
  readonly denied?: string
}

/** @throws {Exception} as src/Server/HTTP/authenticateUserByHTTP.cpp */
export function authenticated(
  request: IncomingMessage,
  fields: readonly [string, string][],
  users: readonly User[],
): User {
  const { name, password } = credentials(request, fields)
  const user = users.find((one) => one.name === name && one.password === password)
  if (user === undefined)
    throw new Exception(
      516,
      'AUTHENTICATION_FAILED',
      `${name}: Authentication failed: password is incorrect, or there is no user with such name.`,
    )
  return user
}

function credentials(
  request: IncomingMessage,
  fields: readonly [string, string][],
): { name: string; password: string } {
  const of = (name: string) => fields.find(([other]) => other === name)?.[1]
  const name = header(request, 'x-clickhouse-user')
  const key = header(request, 'x-clickhouse-key')
  const { authorization } = request.headers
  if (name !== undefined || key !== undefined) {
    if (authorization !== undefined)
      throw new Exception(
        516,
        'AUTHENTICATION_FAILED',
        'Invalid authentication: it is not allowed to use X-ClickHouse HTTP headers and Authorization HTTP header simultaneously',
      )
    return { name: name ?? '', password: key ?? '' }
  }
  if (authorization !== undefined) {
    const [scheme, encoded = ''] = authorization.split(' ')
    if (scheme?.toLowerCase() !== 'basic')
      throw new Exception(
        516,
        'AUTHENTICATION_FAILED',
        `Invalid authentication: '${scheme}' HTTP Authorization scheme is not supported`,
      )
    const text = Buffer.from(encoded, 'base64').toString()
    const colon = text.indexOf(':')
    return { name: text.slice(0, colon), password: text.slice(colon + 1) }
  }
  return { name: of('user') ?? 'default', password: of('password') ?? '' }
}

/**
 * What the user, and the request's own `readonly`, let it do: the engine in process has one user, and a
 * connection that was once read-only stays so.
 * @throws {Exception}
 */
export function permit(
  user: User,
  asked: {
    readonly readonly: string | undefined
    readonly get: boolean
    readonly settings: ReadonlyMap<string, string>
  },
  statement: Statement,
): void {
  const own = user.readonly ?? 0
  const [setting] = asked.settings.keys()
  if (own === 1 && setting !== undefined)
    throw new Exception(164, 'READONLY', `Cannot modify '${setting}' setting in readonly mode.`)
  if (own !== 0 && asked.readonly !== undefined && asked.readonly !== String(own))
    throw new Exception(164, 'READONLY', "Cannot modify 'readonly' setting in readonly mode.")
  const readonly = own !== 0 || asked.get || (asked.readonly ?? '0') !== '0'
  if (readonly && statement.kind === 'write')
    throw new Exception(164, 'READONLY', `${user.name}: Cannot execute query in readonly mode.`)
  if (user.denied !== undefined && new RegExp(user.denied, 'i').test(statement.text))
    throw new Exception(497, 'ACCESS_DENIED', `${user.name}: Not enough privileges.`)
}
