import { openCollector } from './apart.ts'
import { runApart } from './apart-main.ts'
import type { Start } from './program.ts'

/** `npm run collector` */
export const main = (start: Start): Promise<number> => runApart(start, 'collector', openCollector)
