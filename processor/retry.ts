import { QueryTooLarge, StoreRefused, WaymarkError } from '../domain/errors.ts'
import type { ProcessorSignals } from './signals.ts'

export interface Patience {
  readonly signal: AbortSignal
  readonly signals: ProcessorSignals
  /** Told of every change: while ClickHouse is away the processor is not ready. */
  readonly onWaiting: (error: WaymarkError | null) => void
}

const waitMsMin = 100
const waitMsMax = 5_000

/**
 * Runs `work` until it succeeds or fails for good: whatever is retriable is tried again after a wait that
 * doubles. `work` must bear being run twice.
 * @throws what is not retriable; the signal's reason once it is aborted
 */
export async function untilDone<Result>(
  name: string,
  patience: Patience,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let waitMs = waitMsMin, waited = false; ; waitMs = Math.min(waitMs * 2, waitMsMax), waited = true) {
    patience.signal.throwIfAborted()
    try {
      const result = await work()
      if (waited) patience.onWaiting(null)
      return result
    } catch (error) {
      if (!(error instanceof WaymarkError) || !error.retriable) throw error
      patience.onWaiting(error)
      patience.signals.retrying(name, error, waitMs)
      await pause(waitMs, patience.signal)
    }
  }
}

/**
 * For work beside the batches, which must not stop them: what the engine refuses, or has no room for, is told
 * and left for the next time, which is not before `waitMsMax`.
 */
export async function laterIfRefused(name: string, patience: Patience, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof StoreRefused || error instanceof QueryTooLarge)) throw error
    patience.signals.retrying(name, error, waitMsMax)
    await pause(waitMsMax, patience.signal)
  }
}

/** Waits so long, or until aborted; never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
