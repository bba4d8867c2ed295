/** Runs one piece of work at a time, in the order in which they were asked for. */
export type Exclusive = <Result>(work: () => Promise<Result>) => Promise<Result>

export function createExclusive(): Exclusive {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work, work)
    last = mine.catch(() => undefined)
    return mine
  }
}
