import type { LogPending } from '../../domain/ports/event-log.ts'

/** Messages from `from` up to, not including, `to`. */
interface Range {
  from: number
  to: number
  events: number
  bytes: number
  /** When the oldest was appended; where that is not known, when it was first seen, ms since 1970. */
  at: number
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
  known(partition: number, range: Readonly<Range>): void {
    this.#messages += range.to - range.from
    this.#events += range.events
    this.#bytes += range.bytes
    const done = this.#done.get(partition) ?? 0
    const kept = cut(range, done, Infinity)
    if (kept === undefined) return
    const others = (this.#partitions.get(partition) ?? []).flatMap((other) => [
      ...some(cut(other, -Infinity, kept.from)),
      ...some(cut(other, kept.to, Infinity)),
    ])
    this.#partitions.set(partition, bounded([...others, kept].sort((a, b) => a.from - b.from)))
  }

  /** The messages before `offset` are handled, or gone. */
  done(partition: number, offset: number): void {
    const before = this.#done.get(partition) ?? 0
    if (offset <= before) return
    this.#done.set(partition, offset)
    const ranges = this.#partitions.get(partition)
    if (ranges === undefined) return
    this.#partitions.set(
      partition,
      ranges.flatMap((range) => some(cut(range, offset, Infinity))),
    )
  }

  /** The brokers have messages up to `end`: those that are not known here are estimated. */
  seen(partition: number, from: number, end: number, now: number): void {
    let at = Math.max(from, this.#done.get(partition) ?? 0)
    const ranges = [...(this.#partitions.get(partition) ?? [])]
    const holes: Range[] = []
    for (const range of ranges) {
      if (range.from > at) holes.push(this.#estimate(at, Math.min(range.from, end), now))
      at = Math.max(at, range.to)
    }
    if (end > at) holes.push(this.#estimate(at, end, now))
    if (holes.length === 0) return
    this.#partitions.set(partition, bounded([...ranges, ...holes].sort((a, b) => a.from - b.from)))
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

  /** As many events as the messages that are known had on average. */
  #estimate(from: number, to: number, at: number): Range {
    const messages = to - from
    const of = (total: number): number => (this.#messages === 0 ? 1 : total / this.#messages) * messages
    return { from, to, events: of(this.#events), bytes: of(this.#bytes), at }
  }
}

function cut(range: Readonly<Range>, from: number, to: number): Range | undefined {
  const start = Math.max(range.from, from)
  const end = Math.min(range.to, to)
  if (end <= start) return undefined
  const share = (end - start) / (range.to - range.from)
  return { from: start, to: end, events: range.events * share, bytes: range.bytes * share, at: range.at }
}

function some<Value>(value: Value | undefined): Value[] {
  return value === undefined ? [] : [value]
}

function bounded(ranges: Range[]): Range[] {
  if (ranges.length <= rangesMax) return ranges
  const merged: Range[] = []
  for (const range of ranges) {
    const last = merged.at(-1)
    // Every second one, so that the newest keep their own place for long.
    if (last === undefined || last.to !== range.from || merged.length % 2 === 0) merged.push({ ...range })
    else {
      last.to = range.to
      last.events += range.events
      last.bytes += range.bytes
      last.at = Math.min(last.at, range.at)
    }
  }
  return merged
}
