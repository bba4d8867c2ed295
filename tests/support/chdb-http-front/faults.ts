/** What can go wrong on the wire, or on the server: done to the requests that match, so many times. */
export type Fault = {
  /** Text of the statement, as a regular expression; absent: any. */
  readonly statement?: string
  /** How many requests it is done to; absent: 1. */
  readonly times?: number
} & (
  | { readonly kind: 'slow'; readonly ms: number }
  /** The connection is reset before the statement ran. */
  | { readonly kind: 'reset-before' }
  /** The statement ran, and its answer is lost. */
  | { readonly kind: 'answer-lost' }
  /** The connection is reset in the middle of the answer. */
  | { readonly kind: 'answer-cut' }
  /** The connection is reset while rows still come: nothing of them is stored. */
  | { readonly kind: 'upload-cut' }
  /** An exception of the server, before the statement ran. */
  | { readonly kind: 'refuse'; readonly code: number; readonly type: string }
  /** What a proxy says in the place of a server. */
  | { readonly kind: 'proxy'; readonly status: number }
)

interface Pending {
  readonly fault: Fault
  readonly statement: RegExp | undefined
  left: number
}

export class Faults {
  #pending: Pending[] = []
  readonly #done: Fault[] = []

  add(fault: Fault): void {
    const statement = fault.statement === undefined ? undefined : new RegExp(fault.statement, 'i')
    this.#pending.push({ fault, statement, left: fault.times ?? 1 })
  }

  clear(): void {
    this.#pending = []
  }

  /** Those that were done, in their order. */
  done(): readonly Fault[] {
    return this.#done
  }

  /** The fault for this statement, used up by that. */
  take(statement: string): Fault | undefined {
    const found = this.#pending.find((one) => one.left > 0 && (one.statement?.test(statement) ?? true))
    if (found === undefined) return undefined
    found.left -= 1
    this.#done.push(found.fault)
    return found.fault
  }
}
