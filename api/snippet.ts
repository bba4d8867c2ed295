import { z } from 'zod'
import { normaliseFunnel, type Service } from '../domain/service.ts'

type Measured = Pick<Service, 'id' | 'funnel' | 'key'>

/** A script for pages of services, as this version of Waymark serves it. */
export interface BeaconScript {
  /** null: the beacon itself. */
  readonly extension: string | null
  /** `/beacon.js`: always the version that runs. */
  readonly path: string
  /** With a hash in its name: the same bytes for ever. */
  readonly hashedPath: string
  /** Subresource Integrity, of the bytes of `hashedPath`. */
  readonly integrity: string
}

const markup = z.string().describe('HTML')
const configuration = z.string()

export const snippetAnswer = z
  .object({
    service: z.string(),
    base: z.string().describe('Where browsers reach the beacon and the collector, with a slash at its end'),
    tag: markup.describe(
      'For every page: put the step of the page and the reference of the journey in. Pinned by a hash',
    ),
    updatingTag: markup.describe('The same without a hash: it follows the version of Waymark by itself'),
    noscript: markup.describe('Beside it, for browsers that run no script'),
    pages: z
      .array(z.object({ step: z.string(), html: markup }))
      .describe('Tag and noscript for each step of the funnel; only the reference of the journey is missing'),
    contentSecurityPolicy: z
      .object({ 'script-src': z.string(), 'connect-src': z.string(), 'img-src': z.string() })
      .describe('What a strict policy must name'),
    stub: z.string().describe('JavaScript for pages that call `waymark()` themselves, to stand before the first call'),
    firstParty: z
      .object({
        path: z.string(),
        html: markup,
        nginx: configuration,
        caddy: configuration,
        cdn: configuration,
      })
      .describe('The same under a path of the service itself, so that browsers talk to one site only'),
  })
  .meta({ id: 'Snippet' })
export type SnippetAnswer = z.infer<typeof snippetAnswer>

/** Where the first-party set-up puts Waymark on the service's own site. */
const ownPath = '/waymark/'

/** What stands for the reference of a journey, as templates of the Nunjucks kind write it. */
const reference = '{{ reference }}'

export const stub = 'window.waymark = window.waymark || function () { (waymark.q = waymark.q || []).push(arguments) }'

/**
 * What a team puts on its pages.
 * @param base ends with a slash
 * @param extensions names of scripts to be loaded before the beacon
 */
export function snippet(
  service: Measured,
  { base, scripts, extensions }: { base: string; scripts: readonly BeaconScript[]; extensions: readonly string[] },
): SnippetAnswer {
  const wanted = scripts.filter(({ extension }) => extension === null || extensions.includes(extension))
  // Extensions first: they must be there when the beacon begins.
  const loaded = [...wanted].sort((one, other) => Number(one.extension === null) - Number(other.extension === null))
  const html = (at: string, step: string, pinned: boolean): string =>
    loaded.map((script) => scriptTag(script, { at, step, service, pinned })).join('\n')
  const image = (at: string, step: string): string => noscriptTag(at, step, service)
  const place = new URL(base)
  return {
    service: service.id,
    base,
    tag: html(base, 'STEP', true),
    updatingTag: html(base, 'STEP', false),
    noscript: image(base, 'STEP'),
    pages: stepNames(service).map((step) => ({ step, html: `${html(base, step, true)}\n${image(base, step)}` })),
    contentSecurityPolicy: {
      'script-src': place.origin,
      'connect-src': `${base}v1/events`,
      'img-src': `${base}v1/pixel.gif`,
    },
    stub,
    firstParty: {
      path: ownPath,
      html: `${html(ownPath, 'STEP', false)}\n${image(ownPath, 'STEP')}`,
      ...proxies(place, base),
    },
  }
}

function stepNames({ funnel }: Measured): readonly string[] {
  return [...new Set(normaliseFunnel(funnel).positions.flatMap(({ names }) => names))]
}

function scriptTag(
  script: BeaconScript,
  { at, step, service, pinned }: { at: string; step: string; service: Measured; pinned: boolean },
): string {
  const source = pinned ? script.hashedPath : script.path
  const attributes: [name: string, value: string][] = [['src', `${at}${source.slice(1)}`]]
  if (pinned) attributes.push(['integrity', script.integrity], ['crossorigin', 'anonymous'])
  if (script.extension === null) {
    attributes.push(['data-service', service.id], ['data-step', step], ['data-journey', reference])
    if (service.key !== undefined) attributes.push(['data-key', service.key])
  }
  return `<script defer ${attributes.map(([name, value]) => `${name}="${escaped(value)}"`).join(' ')}></script>`
}

function noscriptTag(at: string, step: string, { id, key }: Measured): string {
  const query = new URLSearchParams({ service: id, step, ...(key === undefined ? {} : { key }) }).toString()
  return `<noscript><img src="${escaped(`${at}v1/pixel.gif?${query}&journey=`)}${reference}" alt=""></noscript>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** Cookies of the service stay with the service: nothing that is passed on needs them. */
function proxies({ host, protocol }: URL, base: string) {
  return {
    nginx: `location ${ownPath} {
  proxy_pass ${base};
  proxy_set_header Host ${host};
  proxy_set_header Cookie "";
  proxy_ssl_server_name on;
}`,
    caddy: `handle_path ${ownPath}* {
  reverse_proxy ${protocol}//${host} {
    header_up Host {upstream_hostport}
    header_up -Cookie
  }
}`,
    cdn: `Path: ${ownPath}*
Origin: ${base} (the path after ${ownPath} is appended)
Methods: GET, HEAD, OPTIONS, POST
Cache: as the origin's Cache-Control says; the query string is part of the key
To the origin: Host ${host}; pass on Origin, Referer, User-Agent, Content-Type; drop Cookie`,
  }
}
