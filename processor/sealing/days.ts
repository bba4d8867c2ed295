/**
 * Starts of the days of a zone, ms, ascending: the first at or before `from`, the last after `to`.
 * Given from outside, so that who counts by day and who asks by day have the same calendar.
 */
export type DayStarts = (zone: string, from: number, to: number) => readonly number[]
