import type { Key, Scope } from '../domain/key.ts'
import type { Service } from '../domain/service.ts'
import type { Operation } from './operation.ts'
import { readQuery, type QuerySpec, type QueryValues } from './parameters.ts'

/** What a route is asked with. */
export interface Asked {
  readonly key: Key
  readonly search: URLSearchParams
  /** Parts of the path, decoded. */
  readonly path: Readonly<Record<string, string>>
  /** Of the address that was asked: `https://waymark.example`. */
  readonly origin: string
  /** @throws {Refused} unsupported-type, too-large, invalid-json */
  readonly json: () => Promise<object>
  /** The client prefers rows as CSV. */
  readonly csv: boolean
}

export type Call<Spec extends QuerySpec> = Asked & { readonly query: QueryValues<Spec> }

interface Described<Spec extends QuerySpec> extends Operation {
  readonly scope: Scope
  readonly query: Spec
}

/** An operation with what answers it. */
export type Route = Operation & { readonly scope: Scope } & (
    | { readonly on: 'service'; readonly answer: (asked: Asked, service: Service) => Promise<Response> }
    | { readonly on: 'reach'; readonly answer: (asked: Asked) => Promise<Response> }
  )

/** `{id}` of the path is a service: the key must reach it, whether or not it exists. */
export function onService<Spec extends QuerySpec>(
  operation: Described<Spec>,
  handle: (call: Call<Spec>, service: Service) => Promise<Response>,
): Route {
  return {
    ...operation,
    on: 'service',
    answer: (asked, service) => handle({ ...asked, query: readQuery(operation.query, asked.search) }, service),
  }
}

/** The key needs the scope; the handler answers within what the key reaches. */
export function withinReach<Spec extends QuerySpec>(
  operation: Described<Spec>,
  handle: (call: Call<Spec>) => Promise<Response>,
): Route {
  return {
    ...operation,
    on: 'reach',
    answer: (asked) => handle({ ...asked, query: readQuery(operation.query, asked.search) }),
  }
}
