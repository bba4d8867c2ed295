import { z } from 'zod'

export const scopes = ['ingest', 'read', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** A secret key as it is listed: the secret itself is kept only as a hash. */
export interface Key {
  readonly id: string
  readonly name: string
  /** The first characters of the secret, to tell keys apart. */
  readonly prefix: string
  readonly scopes: readonly Scope[]
  /** Set when the key is for one service only. */
  readonly service?: string
  /** Set when the key is for one department only. */
  readonly department?: string
  /** ISO 8601. */
  readonly createdAt: string
}

/** The key that WAYMARK_ADMIN_KEY is: every scope, everywhere; it is not listed, and not revoked by a call. */
export const adminKey: Key = {
  id: 'admin',
  name: 'WAYMARK_ADMIN_KEY',
  prefix: '',
  scopes,
  createdAt: '1970-01-01T00:00:00.000Z',
}

export const slug = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/, 'expected a slug: lower-case letters, digits and hyphens, at most 64')

export const newKey = z
  .strictObject({
    name: z.string().min(1).max(100),
    scopes: z.array(z.enum(scopes)).min(1).max(scopes.length),
    service: slug.optional(),
    department: slug.optional(),
  })
  .refine(
    (key) => key.service === undefined || key.department === undefined,
    'a key is for one service or for one department, not both',
  )
export type NewKey = z.infer<typeof newKey>

/** What a key may do is asked before whether a service exists, so a 403 says nothing about that. */
export function keyAdmits(
  key: Key,
  scope: Scope,
  target: { service?: string; department?: string | undefined } = {},
): boolean {
  if (!key.scopes.includes(scope)) return false
  if (key.service !== undefined) return target.service === key.service
  if (key.department !== undefined) return target.department === key.department
  return true
}
