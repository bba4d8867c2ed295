/** Runs all side by side until aborted. When one fails the others are aborted, and its error is the answer. */
export async function allOrFirstError(
  signal: AbortSignal,
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const failed = new AbortController()
  const until = AbortSignal.any([signal, failed.signal])
  let first: unknown
  await Promise.all(
    works.map(async (work) => {
      try {
        await work(until)
      } catch (error) {
        if (until.aborted) return
        first = error
        failed.abort()
      }
    }),
  )
  if (failed.signal.aborted) throw first
}
