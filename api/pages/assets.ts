import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

/** A file that pages refer to. Its path holds a hash of its bytes, so it may be kept for ever. */
export interface Asset {
  readonly path: string
  readonly mediaType: string
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly gzipped: Uint8Array<ArrayBuffer>
}

export interface PageAssets {
  readonly styles: readonly Asset[]
  readonly icon: Asset
}

/** The texts that the assets are made from; who may read files reads them. */
export interface AssetSources {
  /** `dist/govuk/govuk-frontend.min.css` of the package govuk-frontend. */
  readonly frontendCss: string
  /** `assets/waymark.css` beside this file. */
  readonly waymarkCss: string
  /** `assets/icon.svg` beside this file. */
  readonly iconSvg: string
}

const fonts = 'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Helvetica Neue",Arial,sans-serif'

/**
 * GOV.UK Frontend as others may use it. The code is MIT; the typeface GDS Transport and the royal crest are
 * licensed for gov.uk alone, so every mention of them goes: the browser never asks for either.
 * @throws {Error} when something of them would be left, which a new version of the package may bring
 */
export function frontendForOthers(css: string): string {
  const ours = css
    .replace(/@font-face\{[^}]*\}/g, '')
    .replace(/"?GDS Transport"?,arial,sans-serif/g, fonts)
    .replace(/url\([^)]*govuk-crest[^)]*\)/g, 'none')
    .replace(/\/\*# sourceMappingURL=.*?\*\//g, '')
  const left = /GDS Transport|govuk-crest|url\(/.exec(ours)
  if (left !== null) throw new Error(`the styles of GOV.UK Frontend still hold "${left[0]}"`)
  return ours
}

export function pageAssets({ frontendCss, waymarkCss, iconSvg }: AssetSources): PageAssets {
  return {
    styles: [
      asset('govuk-frontend', 'css', 'text/css; charset=utf-8', frontendForOthers(frontendCss)),
      asset('waymark', 'css', 'text/css; charset=utf-8', waymarkCss),
    ],
    icon: asset('icon', 'svg', 'image/svg+xml', iconSvg),
  }
}

function asset(name: string, extension: string, mediaType: string, text: string): Asset {
  const bytes = Buffer.from(text)
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  return { path: `/assets/${name}-${hash}.${extension}`, mediaType, bytes, gzipped: gzipSync(bytes) }
}
