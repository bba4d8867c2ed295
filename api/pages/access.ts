import type { Key } from '../../domain/key.ts'
import type { Service } from '../../domain/service.ts'
import { mayUse, reachesAll } from '../auth.ts'

/** Who looks at a page: anyone at this very machine, or the holder of a key that may read. */
export type Viewer = { readonly kind: 'open' } | { readonly kind: 'key'; readonly key: Key }

export function mayReadService(viewer: Viewer, service: Pick<Service, 'id' | 'department'>): boolean {
  return viewer.kind === 'open' || mayUse(viewer.key, 'read', service)
}

/** May this viewer be told that there is no such service? Only who could have read it, whatever it is. */
export function mayReadEverything(viewer: Viewer): boolean {
  return viewer.kind === 'open' || reachesAll(viewer.key)
}

/**
 * Is the host that the browser believes it talks to a name of this machine alone?
 * A page of another site can point its own name at 127.0.0.1 and read what it gets (DNS rebinding); it cannot
 * choose the `Host` that the browser sends. `localhost` and names below it always mean this machine (RFC 6761).
 */
export function isLoopbackHost(host: string | undefined): boolean {
  if (host === undefined) return false
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/i.exec(host)
  const name = match?.[1]?.toLowerCase()
  if (name === undefined) return false
  return name === '[::1]' || /^([a-z0-9-]+\.)*localhost$/.test(name) || /^127(\.\d{1,3}){3}$/.test(name)
}

/** Headers that a proxy adds: then it is not this machine that asks. */
const proxied = ['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Real-IP', 'Via']

/** May the pages be open to this request, on a process that listens on a loopback address? */
export function isOwnMachine(header: (name: string) => string | undefined): boolean {
  return isLoopbackHost(header('Host')) && proxied.every((name) => header(name) === undefined)
}

/**
 * Was this form sent by a page of ours? The session cookie is SameSite=Strict; this stops another site from
 * signing somebody in or out as well. Who says nothing at all of where it comes from is no browser of today.
 */
export function isOwnForm(header: (name: string) => string | undefined): boolean {
  const site = header('Sec-Fetch-Site')
  if (site !== undefined) return site === 'same-origin'
  const from = header('Origin') ?? header('Referer')
  if (from === undefined || !URL.canParse(from)) return false
  return new URL(from).host === header('Host')?.toLowerCase()
}

/** A path of these pages to go on to after signing in; anything else is the first page. */
export function safeNext(next: string | undefined): string {
  if (next === undefined || next.length > 2_000) return '/'
  // `//host`, `/\host` and tabs or line ends, which browsers strip, would lead to another site.
  if (!/^\/(?![/\\])[\x21-\x7e]*$/.test(next) || next.includes('\\')) return '/'
  return next
}
