import type { Context } from 'hono'
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie'
import { adminKey, type Key } from '../../domain/key.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { Registry } from '../../domain/ports/registry.ts'

export const sessionCookie = 'waymark-session'
export const sessionSeconds = 12 * 60 * 60

export interface SessionOptions {
  readonly registry: Pick<Registry, 'keyBySecret' | 'keys'>
  readonly clock: Clock
  /** Signs the cookie. Another one ends every session, so what the admin key is belongs into it. */
  readonly signingSecret: string
  /** Unpredictable, of letters, digits, `_` and `-`. */
  readonly newId: () => string
}

export interface Sessions {
  /** Starts a session for the holder of this secret; `false` when no key of it may read anything. */
  begin(c: Context, secret: string): Promise<boolean>
  /** The key of the session that the request belongs to, as it stands now. */
  key(c: Context): Promise<Key | undefined>
  end(c: Context): Promise<void>
}

interface Session {
  readonly id: string
  readonly keyId: string
  /** Seconds since 1970. */
  readonly expires: number
}

/**
 * Sessions in a signed cookie, which names a key and never holds it. Whether that key still stands is asked of
 * the registry at each request, so revoking it ends its sessions. Signing out is remembered by this process until
 * the session would have ended by itself.
 */
export function createSessions({ registry, clock, signingSecret, newId }: SessionOptions): Sessions {
  const secret = `waymark pages session 1\0${signingSecret}`
  const ended = new Map<string, number>()
  const now = (): number => Math.floor(clock.now() / 1000)

  const read = async (c: Context): Promise<Session | undefined> => {
    const value = await getSignedCookie(c, secret, sessionCookie)
    const match = /^([\w-]{1,64})\.([\w-]{1,64})\.(\d{1,12})$/.exec(value === false ? '' : (value ?? ''))
    if (match === null) return undefined
    const [, id = '', keyId = '', expires = ''] = match
    const session = { id, keyId, expires: Number(expires) }
    return session.expires > now() && !ended.has(session.id) ? session : undefined
  }

  return {
    begin: async (c, given) => {
      const key = await registry.keyBySecret(given)
      if (key === undefined || !key.scopes.includes('read')) return false
      await setSignedCookie(c, sessionCookie, `${newId()}.${key.id}.${now() + sessionSeconds}`, secret, {
        ...cookieAttributes(c),
        maxAge: sessionSeconds,
      })
      return true
    },
    key: async (c) => {
      const session = await read(c)
      if (session === undefined) return undefined
      if (session.keyId === adminKey.id) return adminKey
      const key = (await registry.keys()).find(({ id }) => id === session.keyId)
      return key?.scopes.includes('read') ? key : undefined
    },
    end: async (c) => {
      const session = await read(c)
      for (const [id, expires] of ended) if (expires <= now()) ended.delete(id)
      if (session !== undefined) ended.set(session.id, session.expires)
      deleteCookie(c, sessionCookie, cookieAttributes(c))
    },
  }
}

function cookieAttributes(c: Context) {
  return { path: '/', httpOnly: true, sameSite: 'Strict', secure: isHttps(c) } as const
}

/** Did the browser ask by https, here or at the proxy before? Who lies about it only locks themself out. */
export function isHttps(c: Context): boolean {
  return new URL(c.req.url).protocol === 'https:' || c.req.header('X-Forwarded-Proto') === 'https'
}
