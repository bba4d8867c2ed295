import { QueryTooLarge, StoreRefused, StoreUnavailable } from '../domain/errors.ts'

/** Something that can never become part of a trail, with why: row of table set_aside. */
export interface SetAside {
  readonly reason: string
  readonly bytes: string
}

export const setAsideColumns = ['at', 'reason', 'bytes'] as const

/**
 * Does `work` on all items; when ClickHouse refuses, on halves, down to the single items that are at fault:
 * one bad item must not stop the others. `work` must bear being run twice on the same items.
 * @returns the items that were refused alone, with the error
 */
export async function bisect<Item>(
  items: readonly Item[],
  work: (items: readonly Item[]) => Promise<void>,
): Promise<readonly { item: Item; error: Error }[]> {
  if (items.length === 0) return []
  try {
    await work(items)
    return []
  } catch (error) {
    if (!(error instanceof StoreRefused || error instanceof QueryTooLarge)) throw error
    const [item] = items
    if (items.length === 1 && item !== undefined) return [{ item, error }]
    const middle = Math.ceil(items.length / 2)
    return [...(await bisect(items.slice(0, middle), work)), ...(await bisect(items.slice(middle), work))]
  }
}

/** The reason as it is listed: ours, then the engine's own words, cut to a line. */
export function reasonOf(error: unknown): string {
  const parts: string[] = []
  for (let at: unknown = error; at instanceof Error && parts.length < 3; at = at.cause) parts.push(at.message)
  return parts.join(': ').replace(/\s+/g, ' ').slice(0, 500)
}

/**
 * For work that fits any machine when it is about one item alone: that the engine has no room for it is
 * nothing that the item did, and passes.
 */
export async function withRoomForOne<Item>(items: readonly Item[], work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (items.length > 1 || !(error instanceof QueryTooLarge)) throw error
    throw new StoreUnavailable('ClickHouse has no room for a single row now', { cause: error })
  }
}
