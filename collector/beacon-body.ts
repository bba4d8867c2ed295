import { isRaw, type Raw } from './steps/step.ts'

/** What the body says for its events, where they do not say it themselves. */
const said = ['type', 'step', 'at', 'seq', 'outcome', 'engagedMs', 'attrs'] as const

/**
 * A body as the beacon sends it, which has a `view`, as others write it. The beacon keeps one object for the page,
 * changes in it what is new, and adds what the one event has of its own, because that takes the fewest bytes there:
 * - what the body says holds for its events too, and an event that is null says nothing else;
 * - an event's id is made of `view`, the id of the page view, and `seq`; its leave has that of the view alone, so
 *   that one leave a view counts however often attention is told;
 * - it is sent at `at`, unless `sentAt` says that it waited.
 */
export function unfolded(body: Raw): Raw {
  const { seq, events } = body
  const view = idOf(body['view'])
  if (view === undefined || !Array.isArray(events)) return body
  const shared: Record<string, unknown> = {}
  for (const name of said) shared[name] = body[name]
  const unfold = (given: unknown, index: number): unknown => {
    if (given !== null && !isRaw(given)) return given
    const event = { ...shared, ...given }
    if (event['id'] !== undefined) return event
    const more = index === 0 ? '' : `.${index}`
    return { ...event, id: event['type'] === 'leave' ? view : `${view}.${idOf(seq) ?? ''}${more}` }
  }
  return {
    ...body,
    // A journey that the beacon made up is a number.
    journey: typeof body['journey'] === 'number' ? String(body['journey']) : body['journey'],
    sentAt: body['sentAt'] ?? body['at'],
    events: events.map(unfold),
  }
}

const idOf = (value: unknown): string | undefined =>
  typeof value === 'number' || typeof value === 'string' ? String(value) : undefined
