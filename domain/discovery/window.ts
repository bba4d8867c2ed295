import { durationMs } from '../duration.ts'
import { defaultWindow } from '../service.ts'

/** Lengths that people name, ascending; the last is the longest window there is. */
const windows = [
  ...['PT15M', 'PT30M', 'PT1H', 'PT2H', 'PT4H', 'PT8H', 'PT12H', 'P1D', 'P2D', 'P3D', 'P7D', 'P14D', 'P28D', 'P60D'],
  ...['P90D', 'P180D', 'P365D', 'P730D', 'P1825D', 'P3650D', 'P36525D'],
] as const

/** Completions without which their times say nothing of a window. */
export const windowCompletionsMin = 20

/**
 * The window that covers nearly all completions: the shortest named length that is as long.
 * @param coveringMs how long all but 1 % of the completions took at most, ms; null when too few were seen
 * @returns an ISO 8601 duration
 */
export function suggestedWindow(coveringMs: number | null): string {
  if (coveringMs === null) return defaultWindow
  return (
    windows.find((window) => (durationMs(window) ?? 0) >= coveringMs) ?? windows[windows.length - 1] ?? defaultWindow
  )
}
