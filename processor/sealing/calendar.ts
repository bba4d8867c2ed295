/**
 * When the days and weeks of a zone begin, ms, ascending: the first at or before `from`, the last after `to`. A week begins
 * with its Monday.
 * Given from outside, so that who counts by day and who asks by day have the same calendar.
 */
export interface Calendar {
  readonly days: (zone: string, from: number, to: number) => readonly number[]
  readonly weeks: (zone: string, from: number, to: number) => readonly number[]
}
