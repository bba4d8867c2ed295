import { it } from 'vitest'

/** What a fault has shown. */
export interface Figures {
  readonly rounds: number
  /** Events, each counted once however often it was sent. */
  readonly sent: number
  readonly acknowledged: number
  readonly stored: number
  /** Of events in the log, beyond one of each. */
  readonly copies: number
  readonly requests: number
  readonly retries: number
  readonly unanswered: number
  readonly refused: number
  /** From the end of the fault until the status says that everything is in every answer. */
  readonly recoverSeconds: { readonly median: number; readonly most: number }
  /** What else there is to say, by name. */
  readonly more?: Readonly<Record<string, number | string>>
}

export interface FaultReport extends Figures {
  readonly fault: number
  readonly name: string
}

declare module 'vitest' {
  interface TaskMeta {
    fault?: FaultReport
  }
}

export interface FaultOptions {
  /** Where chance matters there are 10; more than one minute each, fewer. */
  readonly rounds?: number
  /** Runs with all other tests too, in one round. */
  readonly brief?: boolean
}

/** How many rounds are wanted; undefined: one each of the brief ones. */
const wanted = process.env['FAULT_ROUNDS']

/** Whether those run too that are not brief. */
export const allFaults = wanted !== undefined

/**
 * One of the 22 faults. `npm run test:faults` runs all of them in all their rounds, or as many as FAULT_ROUNDS says, and `npm test` the brief ones.
 * @param run is given how many rounds there are to be
 */
export function fault(
  number: number,
  name: string,
  { rounds = 10, brief = false }: FaultOptions,
  run: (rounds: number) => Promise<Figures>,
): void {
  if (!allFaults && !brief) return
  const count = wanted === undefined ? 1 : Math.min(rounds, Number(wanted))
  it(
    `${number} ${name}`,
    async ({ task }) => {
      task.meta.fault = { fault: number, name, ...(await run(count)) }
    },
    120_000 + count * 180_000,
  )
}

/** Of several installations. */
export function together(all: readonly Figures[]): Figures {
  const sum = (of: (figures: Figures) => number) => all.reduce((total, one) => total + of(one), 0)
  return {
    rounds: Math.max(...all.map(({ rounds }) => rounds)),
    sent: sum(({ sent }) => sent),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    stored: sum(({ stored }) => stored),
    copies: sum(({ copies }) => copies),
    requests: sum(({ requests }) => requests),
    retries: sum(({ retries }) => retries),
    unanswered: sum(({ unanswered }) => unanswered),
    refused: sum(({ refused }) => refused),
    recoverSeconds: {
      median:
        all.map(({ recoverSeconds }) => recoverSeconds.median).sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0,
      most: Math.max(...all.map(({ recoverSeconds }) => recoverSeconds.most)),
    },
  }
}
