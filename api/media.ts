/**
 * Which of two types an `Accept` prefers (RFC 9110 §12.5.1): the more specific range says the quality of a
 * type, the higher quality wins, and JSON where they are equal, or where neither is wanted.
 */
export function prefersCsv(accept: string | null): boolean {
  if (accept === null) return false
  return quality(accept, 'text', 'csv') > quality(accept, 'application', 'json')
}

function quality(accept: string, type: string, subtype: string): number {
  let specific = -1
  let found = 0
  for (const range of accept.split(',')) {
    const [media = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const rank = [`*/*`, `${type}/*`, `${type}/${subtype}`].indexOf(media)
    if (rank <= specific) continue
    const q = parameters.find((parameter) => parameter.startsWith('q='))
    const value = q === undefined ? 1 : Number(q.slice(2))
    specific = rank
    found = value >= 0 && value <= 1 ? value : 0
  }
  return found
}
