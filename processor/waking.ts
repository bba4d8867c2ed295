/** For one that waits until there is work. */
export interface Waking {
  wake(): void
  /** Resolves at the next wake, or when aborted; never rejects. */
  wait(signal: AbortSignal): Promise<void>
}

export function createWaking(): Waking {
  let woken: () => void = () => undefined
  return {
    wake: () => woken(),
    wait: (signal) =>
      new Promise((resolve) => {
        const done = () => {
          signal.removeEventListener('abort', done)
          resolve()
        }
        woken = done
        if (signal.aborted) done()
        else signal.addEventListener('abort', done, { once: true })
      }),
  }
}
