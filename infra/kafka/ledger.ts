import type { LogPending } from '../../domain/ports/event-log.ts'

/** Messages from `from` up to, not including, `to`. */
export interface LedgerRange {
  from: number
  to: number
  events: number
  bytes: number
  /** When the oldest was appended; where that is not known, when it was first seen, ms since 1970. */
  at: number
}

interface Range extends LedgerRange {
  /** Rather than an estimate. */
  known: boolean
}

/** Ranges a partition: beyond, neighbours become one, whose events are spread evenly over its messages. */
const rangesMax = 512

/**
 * What waits in the log, as far as this process knows: exactly what it sent and has read, an estimate for messages of
 * others, of which the brokers tell only how many there are.
 */
export class Ledger {
  readonly #partitions = new Map<number, Range[]>()
  readonly #done = new Map<number, number>()
  #messages = 0
  #events = 0
  #bytes = 0

  /** Messages of which everything is known: those of others at their place were an estimate. */
  known(partition: number, range: Readonly<LedgerRange>): void {
    this.#messages += range.to - range.from
    this.#events += range.events
    this.#bytes += range.bytes
    const kept = cut({ ...range, known: true }, this.#done.get(partition) ?? 0, Infinity)
    if (kept === undefined) return
    const ranges = this.#rangesOf(partition)
    // The two that are frequent: what was just sent is the newest, and what is read was sent from here.
    if ((ranges.at(-1)?.to ?? 0) <= kept.from) {
      ranges.push(kept)
      if (ranges.length > rangesMax) this.#partitions.set(partition, merged(ranges))
    } else if (!isKnown(ranges, kept)) {
      const others = ranges.flatMap((other) => [
        ...some(cut(other, -Infinity, kept.from)),
        ...some(cut(other, kept.to, Infinity)),
      ])
      this.#put(partition, [...others, kept])
    }
  }

  /** The messages before `offset` are handled, or gone. */
  done(partition: number, offset: number): void {
    if (offset <= (this.#done.get(partition) ?? 0)) return
    this.#done.set(partition, offset)
    const ranges = this.#rangesOf(partition)
    const first = ranges.findIndex(({ to }) => to > offset)
    ranges.splice(0, first === -1 ? ranges.length : first)
    const [cutting] = ranges
    if (cutting !== undefined && cutting.from < offset) ranges[0] = cut(cutting, offset, Infinity) ?? cutting
  }

  /** The brokers have messages up to `end`: those that are not known here are estimated. */
  seen(partition: number, from: number, end: number, now: number): void {
    let at = Math.max(from, this.#done.get(partition) ?? 0)
    const ranges = this.#rangesOf(partition)
    if ((ranges.at(-1)?.to ?? 0) >= end && (ranges[0]?.from ?? Infinity) <= at && isWhole(ranges)) return
    const holes: Range[] = []
    for (const range of ranges) {
      if (range.from > at) holes.push(this.#estimate(at, Math.min(range.from, end), now))
      at = Math.max(at, range.to)
    }
    if (end > at) holes.push(this.#estimate(at, end, now))
    if (holes.length === 0) return
    this.#put(partition, [...ranges, ...holes])
  }

  pending(): LogPending {
    let events = 0
    let bytes = 0
    let oldestAt: number | null = null
    for (const ranges of this.#partitions.values())
      for (const range of ranges) {
        events += range.events
        bytes += range.bytes
        if (oldestAt === null || range.at < oldestAt) oldestAt = range.at
      }
    return { events: Math.ceil(events), bytes: Math.ceil(bytes), oldestAt }
  }

  #rangesOf(partition: number): Range[] {
    const ranges = this.#partitions.get(partition) ?? []
    this.#partitions.set(partition, ranges)
    return ranges
  }

  #put(partition: number, ranges: Range[]): void {
    ranges.sort((a, b) => a.from - b.from)
    this.#partitions.set(partition, ranges.length > rangesMax ? merged(ranges) : ranges)
  }

  /** As many events as the messages that are known had on average. */
  #estimate(from: number, to: number, at: number): Range {
    const messages = to - from
    const of = (total: number): number => (this.#messages === 0 ? 1 : total / this.#messages) * messages
    return { from, to, events: of(this.#events), bytes: of(this.#bytes), at, known: false }
  }
}

function cut(range: Range, from: number, to: number): Range | undefined {
  const start = Math.max(range.from, from)
  const end = Math.min(range.to, to)
  if (end <= start) return undefined
  const share = (end - start) / (range.to - range.from)
  return { ...range, from: start, to: end, events: range.events * share, bytes: range.bytes * share }
}

function some<Value>(value: Value | undefined): Value[] {
  return value === undefined ? [] : [value]
}

/** Whether all of it is known already, over ranges in their order. */
function isKnown(ranges: readonly Range[], { from, to }: Range): boolean {
  let low = 0
  for (let high = ranges.length; low < high;) {
    const middle = (low + high) >> 1
    if ((ranges[middle]?.to ?? Infinity) <= from) low = middle + 1
    else high = middle
  }
  let at = from
  for (let range = ranges[low]; range !== undefined && range.from <= at && range.known; range = ranges[++low]) {
    at = range.to
    if (at >= to) return true
  }
  return false
}

function isWhole(ranges: readonly Range[]): boolean {
  return ranges.every((range, index) => index === 0 || ranges[index - 1]?.to === range.from)
}

/** Half as many: neighbours are put together. */
function merged(ranges: readonly Range[]): Range[] {
  const result: Range[] = []
  let joinable = false
  for (const range of ranges) {
    const last = result.at(-1)
    if (last !== undefined && joinable && last.to === range.from) {
      last.to = range.to
      last.events += range.events
      last.bytes += range.bytes
      last.at = Math.min(last.at, range.at)
      last.known &&= range.known
      joinable = false
    } else {
      result.push({ ...range })
      joinable = true
    }
  }
  return result
}
