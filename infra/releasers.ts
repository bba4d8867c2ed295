/**
 * What was opened is closed in the reverse order, each even when one before it failed; the first error is kept.
 */
export class Releasers {
  readonly #stack: { name: string; release: () => Promise<void> | void }[] = []

  add(name: string, release: () => Promise<void> | void): void {
    this.#stack.push({ name, release })
  }

  async release(): Promise<void> {
    let first: Error | undefined
    for (let next = this.#stack.pop(); next !== undefined; next = this.#stack.pop()) {
      try {
        await next.release()
      } catch (cause) {
        first ??= new Error(`could not close ${next.name}`, { cause })
      }
    }
    if (first !== undefined) throw first
  }
}
