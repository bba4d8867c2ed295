import { Presets, SingleBar } from 'cli-progress'

/** How far an import is: a bar on a terminal, a line now and then elsewhere. */
export interface Progress {
  update(bytesRead: number, records: number): void
  stop(): void
}

export interface ProgressOptions {
  /** null: not known, as of standard input. */
  readonly bytesTotal: number | null
  readonly terminal: boolean
  readonly now: () => number
  readonly write: (line: string) => void
}

const lineEveryMs = 5_000

export function createProgress({ bytesTotal, terminal, now, write }: ProgressOptions): Progress {
  const began = now()
  const rate = (records: number) => Math.round(records / Math.max(0.001, (now() - began) / 1000))
  if (terminal && bytesTotal !== null) {
    const bar = new SingleBar(
      {
        format: ' {bar} {percentage}% | {records} events | {rate}/s | {eta_formatted} left',
        stream: process.stderr,
        hideCursor: true,
      },
      Presets.shades_classic,
    )
    bar.start(bytesTotal, 0, { records: 0, rate: 0 })
    return {
      update: (bytes, records) => bar.update(Math.min(bytes, bytesTotal), { records, rate: rate(records) }),
      stop: () => bar.stop(),
    }
  }
  let saidAt = began
  return {
    update: (bytes, records) => {
      if (now() - saidAt < lineEveryMs) return
      saidAt = now()
      const share = bytesTotal === null ? '' : `${Math.floor((bytes / bytesTotal) * 100)}%, `
      const left =
        bytesTotal === null || bytes === 0
          ? ''
          : `, ${Math.ceil((((now() - began) / bytes) * (bytesTotal - bytes)) / 1000)} s left`
      write(`${share}${records} events, ${rate(records)}/s${left}`)
    },
    stop: () => undefined,
  }
}
