/**
 * An ISO 8601 duration of fixed length in milliseconds: weeks, days (of 24 hours), hours, minutes, seconds.
 * @returns `null` for anything else, months and years included: they have no fixed length
 */
export function durationMs(text: string): number | null {
  const match =
    /^P(?!$)(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?!$)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(
      text,
    )
  if (match === null) return null
  const [, weeks, days, hours, minutes, seconds] = match
  const total =
    Number(weeks ?? 0) * 7 * 86_400_000 +
    Number(days ?? 0) * 86_400_000 +
    Number(hours ?? 0) * 3_600_000 +
    Number(minutes ?? 0) * 60_000 +
    Number(seconds ?? 0) * 1_000
  return Number.isFinite(total) ? Math.round(total) : null
}
