/** Waits so long, or until aborted; never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** Rejects with `late()` when it takes longer; what comes of it then is nobody's. */
export function within<Result>(ms: number, promise: Promise<Result>, late: () => Error): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** For what is let go of: however it ends, and however long that takes beyond `ms`, nobody hears of it. */
export async function letGo(ms: number, ending: Promise<unknown>): Promise<void> {
  await within(ms, ending, () => new Error('still ending')).catch(() => undefined)
}

/** From `min` on, doubled each time, up to `max`. */
export function* doubling(min: number, max: number): Generator<number, never> {
  for (let ms = min; ; ms = Math.min(ms * 2, max)) yield ms
}
