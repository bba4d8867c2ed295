/** What `instantMs` reads, in the words of a refusal. */
export const instantForms =
  'expected milliseconds since 1970, or ISO 8601 as YYYY-MM-DDThh:mm[:ss[.fraction]] with an offset or Z'

const iso = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)$/

/**
 * A moment as senders write it: milliseconds since 1970 as a number (fractions are cut off), or ISO 8601 in the
 * extended format with an offset or Z; no hour 24 and no second 60.
 * @returns milliseconds since 1970, any finite whole number; `null` when it is neither
 */
export function instantMs(value: unknown): number | null {
  // + 0 makes -0 the 0 that it equals.
  if (typeof value === 'number') return Number.isFinite(value) ? Math.floor(value) + 0 : null
  if (typeof value !== 'string' || value.length > 40) return null
  const match = iso.exec(value)
  if (match === null) return null
  const [, year, month, day, hour, minute, second = '0', fraction = '0', sign, offsetHour = '0', offsetMinute = '0'] =
    match
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return null
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  // A day that does not exist would roll over into the next month.
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return null
  const ms = Number(fraction.padEnd(3, '0').slice(0, 3))
  const offsetMs = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000 * (sign === '-' ? -1 : 1)
  return (
    date.getTime() + Number(hour) * 3_600_000 + Number(minute) * 60_000 + Number(second) * 1_000 + ms - offsetMs + 0
  )
}
