import type { Relations } from './log.ts'

/**
 * The order of names that the fewest pairs of first occurrences speak against: Kemeny's (1959), which is the maximum
 * likelihood order when each journey orders each of its pairs rightly with one probability above a half
 * (Young 1988, Condorcet's theory of voting). Finding it is NP-hard, so it is sought from Copeland's order
 * (1951: how many others it precedes more often than not) by moving one name at a time to its best place until no
 * move helps (insertion search: Ali and Meilă 2012, who found it near the optimum). Journeys that have one of two names say
 * nothing of the pair.
 */
export function kemenyOrder(relations: Relations, names: readonly number[]): number[] {
  return byMargins(names, (one, other) => relations.before(one, other) - relations.before(other, one))
}

/** The same of anything. @param margin votes for `one` before `other`, less those against it */
export function byMargins<Item>(items: readonly Item[], margin: (one: Item, other: Item) => number): Item[] {
  const wins = new Map(
    items.map((item) => [item, items.reduce((sum, other) => sum + Math.sign(margin(item, other)), 0)]),
  )
  const order = [...items].sort((a, b) => (wins.get(b) ?? 0) - (wins.get(a) ?? 0))
  for (let moved = true, rounds = 0; moved && rounds < 100; rounds += 1) {
    moved = false
    for (const item of [...order]) {
      const from = order.indexOf(item)
      const to = bestPlace(order, from, (other) => margin(item, other))
      if (to === from) continue
      order.splice(from, 1)
      order.splice(to, 0, item)
      moved = true
    }
  }
  return order
}

/** Where the name at `from` goes best; where it is unless another place is better. */
function bestPlace<Item>(order: readonly Item[], from: number, margin: (other: Item) => number): number {
  let best = from
  let most = 0
  let gain = 0
  // Past each name on the left its margin over the mover turns from against to for it.
  for (const [steps, other] of order.slice(0, from).reverse().entries()) {
    gain += margin(other)
    if (gain > most) [most, best] = [gain, from - 1 - steps]
  }
  gain = 0
  for (const [steps, other] of order.slice(from + 1).entries()) {
    gain -= margin(other)
    if (gain > most) [most, best] = [gain, from + 1 + steps]
  }
  return best
}
