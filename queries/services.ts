import type { Service } from '../domain/service.ts'
import { param, sql, type Sql, type SqlParam } from '../domain/sql.ts'

/** Their ids, as a parameter of a statement. */
export const idsOf = (services: readonly Pick<Service, 'id'>[]): SqlParam =>
  param(
    'Array(String)',
    services.map(({ id }) => id),
  )

/** The version that column `service` has now, in a statement on these services. */
export const versionOf = (services: readonly Pick<Service, 'id' | 'version'>[]): Sql => {
  const [only, ...others] = services
  if (only !== undefined && others.length === 0) return sql`${param('UInt32', only.version)}`
  return sql`${param(
    'Array(UInt32)',
    services.map(({ version }) => version),
  )}[indexOf(${idsOf(services)}, service)]`
}
