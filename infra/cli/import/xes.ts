import { SaxesParser, type SaxesTagPlain } from 'saxes'
import { CommandError } from '../connection.ts'
import type { ImportRecord } from './record.ts'

export interface XesOptions {
  readonly service: string
  /** Dimension → key of an attribute of the event, or of its trace. */
  readonly attrs: Readonly<Record<string, string>>
}

/** Attributes of a log, a trace or an event, by key: `concept:name`, `time:timestamp` and what else there is. */
type Attributes = Map<string, string>

/**
 * An event log in XES (IEEE 1849): a trace is a journey, `concept:name` its reference and the events' step,
 * `time:timestamp` their time. Events of a trace keep their order by `seq` where their times are equal.
 */
export async function* readXes(chunks: AsyncIterable<string>, options: XesOptions): AsyncGenerator<ImportRecord> {
  const log = new XesLog(options)
  const parser = new SaxesParser()
  let fault: Error | undefined
  parser.on('error', (error) => (fault ??= error))
  parser.on('opentag', (tag) => log.open(tag))
  parser.on('closetag', (tag) => log.close(tag.name))
  for await (const chunk of chunks) {
    parser.write(chunk)
    if (fault !== undefined) throw new CommandError(`the file is no XES: ${fault.message}`, 1, { cause: fault })
    yield* log.take()
  }
  parser.close()
  if (fault !== undefined) throw new CommandError(`the file is no XES: ${fault.message}`, 1, { cause: fault })
  if (!log.seen) throw new CommandError('the file is no XES: it has no element "log"')
  yield* log.take()
}

class XesLog {
  seen = false
  readonly #options: XesOptions
  /** Names of the open elements. */
  readonly #path: string[] = []
  #trace: Attributes = new Map()
  /** Events wait for the end of their trace: its attributes may stand behind them. */
  #events: Attributes[] = []
  #event: Attributes | undefined
  #ready: ImportRecord[] = []
  #count = 0
  #traces = 0

  constructor(options: XesOptions) {
    this.#options = options
  }

  open(tag: SaxesTagPlain): void {
    const parent = this.#path.at(-1)
    this.#path.push(tag.name)
    if (tag.name === 'log') this.seen = true
    else if (tag.name === 'trace') {
      this.#trace = new Map()
      this.#events = []
      this.#traces += 1
    } else if (tag.name === 'event') this.#event = new Map()
    else if (parent === 'event' || parent === 'trace') {
      const { key, value } = tag.attributes
      if (key !== undefined && value !== undefined) (parent === 'event' ? this.#event : this.#trace)?.set(key, value)
    }
  }

  close(name: string): void {
    this.#path.pop()
    if (name === 'event' && this.#event !== undefined) {
      this.#events.push(this.#event)
      this.#event = undefined
    } else if (name === 'trace') {
      for (const [seq, event] of this.#events.entries()) this.#ready.push(this.#record(event, seq))
      this.#events = []
    }
  }

  take(): ImportRecord[] {
    const ready = this.#ready
    this.#ready = []
    return ready
  }

  #record(event: Attributes, seq: number): ImportRecord {
    const { service, attrs } = this.#options
    this.#count += 1
    const found = Object.entries(attrs).flatMap(([name, key]) => {
      const value = event.get(key) ?? this.#trace.get(key)
      return value === undefined ? [] : [[name, value] as const]
    })
    return {
      line: this.#count,
      event: JSON.stringify({
        service,
        journey: this.#trace.get('concept:name') ?? `trace ${this.#traces}`,
        step: event.get('concept:name'),
        at: event.get('time:timestamp'),
        seq,
        ...(found.length === 0 ? {} : { attrs: Object.fromEntries(found) }),
      }),
    }
  }
}
