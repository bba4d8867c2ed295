import { normaliseFunnel, type Service } from '../../domain/service.ts'

/** A command to copy: it wraps, and can be reached by keyboard where it scrolls. */
export function Command({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <pre class="wm-code" tabindex={0} role="region" aria-label={label}>
      <code>{text}</code>
    </pre>
  )
}

/** Between the single quotes of a POSIX shell nothing means anything but the quote itself. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/**
 * The command that sends a first event of this service.
 * @param base origin of this Waymark, such as `http://127.0.0.1:8080`
 * @param now ms since 1970
 */
export function firstEvent(base: string, service: Service, now: number): string {
  const step = normaliseFunnel(service.funnel).positions[0]?.names[0] ?? ''
  const body = JSON.stringify({
    service: service.id,
    journey: 'my-first-journey',
    events: [{ step, at: new Date(now).toISOString() }],
  })
  // With a key: without one, curl is taken for a bot, answered and not stored.
  return [
    `curl -i ${quoted(`${base}/v1/events`)}`,
    `  -H "Authorization: Bearer $WAYMARK_ADMIN_KEY"`,
    `  -H 'Content-Type: application/json'`,
    `  -d ${quoted(body)}`,
  ].join(' \\\n')
}

/** The command that registers a first service. */
export function firstService(base: string): string {
  const body = JSON.stringify({
    name: 'Renew a fishing licence',
    timeZone: 'Europe/London',
    funnel: { steps: ['start', 'your-name', 'check-answers', 'done'] },
  })
  return [
    `curl -i -X PUT ${quoted(`${base}/v1/services/renew-fishing-licence`)}`,
    `  -H "Authorization: Bearer $WAYMARK_ADMIN_KEY"`,
    `  -H 'Content-Type: application/json'`,
    `  -d ${quoted(body)}`,
  ].join(' \\\n')
}
