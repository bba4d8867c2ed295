/** What a page about journeys may be asked for: the same words as the API's. */
export interface Choices {
  /** ISO 8601 date or instant. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly breakdown?: string | undefined
  readonly where?: readonly (readonly [dimension: string, value: string])[] | undefined
}

/** The address of a service's page; choices left out are those that the page makes by itself. */
export function serviceAddress(id: string, { from, to, breakdown, where = [] }: Choices = {}): string {
  const query = new URLSearchParams()
  if (from !== undefined) query.set('from', from)
  if (to !== undefined) query.set('to', to)
  if (breakdown !== undefined) query.set('breakdown', breakdown)
  for (const [dimension, value] of where) query.append('where', `${dimension}:${value}`)
  const path = `/services/${encodeURIComponent(id)}`
  return query.size === 0 ? path : `${path}?${query.toString()}`
}
