import { openProcessor } from './apart.ts'
import { runApart } from './apart-main.ts'
import type { Start } from './program.ts'

/** `npm run processor` */
export const main = (start: Start): Promise<number> => runApart(start, 'processor', openProcessor)
