import type { Unreadable } from '../../domain/ports/event-log.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'

/** One message, read. */
export interface Piece {
  /** Of the membership it was read in: when that has ended its offset is no longer ours to commit. */
  readonly epoch: number
  readonly partition: number
  readonly offset: number
  readonly events: readonly StoredEvent[]
  readonly unreadable: (Unreadable & { readonly key: Uint8Array | null }) | undefined
  readonly bytes: number
  /** When it was appended, ms since 1970. */
  readonly at: number
  /** Commits these next offsets, by partition; sent with the membership that holds when it is called. */
  readonly commit: (offsets: ReadonlyMap<number, number>) => Promise<void>
}

/** Bytes that are read ahead of the handler. */
const bytesMax = 16 * 1024 * 1024

/** What was read and waits for the handler; bounded, since nothing more is fetched while it is full. */
export class Intake {
  #pieces: Piece[] = []
  #events = 0
  #bytes = 0
  #closed = false
  #reading = 0
  #changed: () => void = () => undefined
  #change = new Promise<void>((resolve) => (this.#changed = resolve))
  /** Rises whenever the group is joined anew. */
  epoch = 0

  constructor(private readonly eventsMax: number) {}

  /** The membership ends: what was read in it is another's to handle. */
  revoke(): void {
    this.epoch += 1
    this.#pieces = []
    this.#events = 0
    this.#bytes = 0
    this.#tell()
  }

  close(): void {
    this.#closed = true
    this.revoke()
  }

  get closed(): boolean {
    return this.#closed
  }

  get isFull(): boolean {
    return !this.#closed && (this.#events >= this.eventsMax || this.#bytes >= bytesMax)
  }

  push(pieces: readonly Piece[]): void {
    for (const piece of pieces) {
      if (piece.epoch !== this.epoch || this.#closed) continue
      this.#pieces.push(piece)
      this.#events += piece.events.length
      this.#bytes += piece.bytes
    }
    this.#tell()
  }

  /** What one fetch brought of several partitions is taken together: nothing is taken while some of it is read. */
  async whileReading(read: () => Promise<void>): Promise<void> {
    this.#reading += 1
    try {
      await read()
    } finally {
      this.#reading -= 1
      this.#tell()
    }
  }

  /** From the front, at most so many events; the first even when it alone has more. */
  take(eventsMax: number): readonly Piece[] {
    if (this.#reading > 0 && !this.isFull) return []
    let events = 0
    let bytes = 0
    let count = 0
    for (const piece of this.#pieces) {
      if (count > 0 && events + piece.events.length > eventsMax) break
      events += piece.events.length
      bytes += piece.bytes
      count += 1
    }
    const taken = this.#pieces.slice(0, count)
    this.#pieces = this.#pieces.slice(count)
    this.#events -= events
    this.#bytes -= bytes
    if (count > 0) this.#tell()
    return taken
  }

  /** Resolves at the next change. */
  changed(): Promise<void> {
    return this.#change
  }

  #tell(): void {
    this.#changed()
    this.#change = new Promise((resolve) => (this.#changed = resolve))
  }
}
