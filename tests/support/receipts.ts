import { setTimeout as sleep } from 'node:timers/promises'
import { importReceipts } from '../../infra/sample/receipts.ts'
import type { Whole } from './whole.ts'

/** Brings the real permit log into a whole process, saying nothing. */
export const bringReceipts = (whole: Whole): Promise<unknown> =>
  importReceipts(
    whole,
    () => undefined,
    (ms) => sleep(ms),
  )
