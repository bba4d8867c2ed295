import { defaultLimits } from '../../domain/limits.ts'
import { openLocalLog } from '../../infra/local-log/open.ts'

/** Everything that a directory's log hands over, taken away unless it is to be kept. */
export async function readLog(
  directory: string,
  { keep = false }: { keep?: boolean } = {},
): Promise<{ numbers: number[]; unreadable: string[]; pendingAtOpen: number }> {
  const log = await openLocalLog({ directory, limits: defaultLimits })
  try {
    const pendingAtOpen = log.pending().events
    const numbers: number[] = []
    const unreadable: string[] = []
    const stop = new AbortController()
    if (log.pending().bytes === 0) stop.abort()
    await log.consume(
      async (batch) => {
        numbers.push(...batch.events.map(({ identity }) => identity))
        unreadable.push(...batch.unreadable.map(({ reason }) => reason))
        // In one batch: the last too, so that nothing is forgotten when it is to be kept.
        stop.abort()
        if (keep) throw new Error('kept')
      },
      stop.signal,
      1_000_000,
    )
    return { numbers, unreadable, pendingAtOpen }
  } finally {
    await log.close()
  }
}

/** The numbers that a child has named with this word. */
export function numbersSaid(lines: readonly string[], word: string): number[] {
  return lines.filter((line) => line.startsWith(`${word} `)).map((line) => Number(line.split(' ')[1]))
}
