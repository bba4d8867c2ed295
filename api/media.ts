/**
 * Which of two types an `Accept` prefers (RFC 9110 §12.5.1): the most specific range that a type is in says its
 * quality, and the higher quality wins. Where they are equal, the type that is named more closely, so that
 * a wildcard behind a wish does not undo it; JSON where that is equal too, or where neither is wanted.
 */
export function prefersCsv(accept: string | null): boolean {
  if (accept === null) return false
  const csv = preference(accept, 'text', 'csv')
  const json = preference(accept, 'application', 'json')
  if (csv.quality !== json.quality) return csv.quality > json.quality
  return csv.quality > 0 && csv.specific > json.specific
}

interface Preference {
  /** 0: not wanted. */
  readonly quality: number
  /** 2: named, 1: its kind, 0: any type, -1: not at all. */
  readonly specific: number
}

function preference(accept: string, type: string, subtype: string): Preference {
  let specific = -1
  let quality = 0
  for (const range of accept.split(',')) {
    const [media = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const rank = [`*/*`, `${type}/*`, `${type}/${subtype}`].indexOf(media)
    if (rank <= specific) continue
    const q = parameters.find((parameter) => parameter.startsWith('q='))
    const value = q === undefined ? 1 : Number(q.slice(2))
    specific = rank
    quality = value >= 0 && value <= 1 ? value : 0
  }
  return { quality, specific }
}
