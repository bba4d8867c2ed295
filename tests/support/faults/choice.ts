import type { Random } from '../../../domain/random.ts'

/** @throws Error when there is none */
export function oneOf<Item>(items: readonly Item[], random: Random): Item {
  const item = items[random.whole(0, items.length - 1)]
  if (item === undefined) throw new Error('there is none')
  return item
}
