import type { StoredEvent } from '../domain/stored-event.ts'
import { takeBack } from './added.ts'
import { unfolded } from './beacon-body.ts'
import { jsonBody, jsonEvents } from './json.ts'
import { Refusal, refusalOf } from './refusal.ts'
import type { KnownService } from './services.ts'
import { envelopeSteps, eventSteps, run } from './steps/index.ts'
import { Draft, Drop, Envelope, type Context, type SilentCounts } from './steps/step.ts'

// The smallest transparent GIF.
const gif = Uint8Array.from(atob('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'), (character) =>
  character.charCodeAt(0),
)

export function pixelImage(): Response {
  return new Response(gif, {
    status: 200,
    headers: {
      'Content-Type': 'image/gif',
      'Content-Length': String(gif.length),
      'Cache-Control': 'no-store',
      // A page of another origin shows it, also one that isolates itself.
      'Cross-Origin-Resource-Policy': 'cross-origin',
      'Access-Control-Allow-Origin': '*',
    },
  })
}

const parameters = ['service', 'journey', 'step', 'type', 'outcome', 'key', 'channel', 'field', 'code'] as const

/**
 * The event of a pixel, which happens now. Of a parameter that stands twice, the first counts. The beacon's last way
 * to send, where a page lets nothing but images through, is a whole body of `POST /v1/events` as the query.
 * @throws {Refusal}
 */
export async function pixelEvents(
  url: string,
  context: Context,
  find: (id: unknown) => Promise<KnownService | undefined>,
): Promise<{ events: StoredEvent[]; silent: SilentCounts }> {
  const search = url.slice((url.indexOf('?') + 1 || url.length + 1) - 1)
  if (search.startsWith('?%7B')) {
    const body = unfolded(jsonBody(decoded(search.slice(1)), context.limits.eventsPerRequestMax))
    return jsonEvents(body, await find(body['service']), context)
  }
  const query = new URLSearchParams(search)
  const raw: Record<string, unknown> = { at: context.receivedAt }
  for (const name of parameters) {
    const value = query.get(name) ?? undefined
    // The trace of an escape that is no UTF-8.
    if (value?.includes('\uFFFD') === true) throw new Refusal('invalid-event', 'expected UTF-8', { path: name })
    raw[name] = value
  }
  const envelope = run(envelopeSteps, new Envelope(raw, await find(raw['service'])), context)
  if (envelope instanceof Drop) throw refusalOf(envelope)
  const event = run(eventSteps, new Draft(envelope).of(raw), context)
  const silent: SilentCounts = { bot: 0, erased: 0 }
  if (!(event instanceof Drop)) return { events: [event.stored()], silent }
  takeBack(context.added)
  if (event.reason !== 'bot' && event.reason !== 'erased') throw refusalOf(event)
  silent[event.reason]++
  return { events: [], silent }
}

/** @throws {Refusal} */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Refusal('invalid-json', 'expected UTF-8')
  }
}
