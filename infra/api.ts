import { openApi } from './apart.ts'
import { runApart } from './apart-main.ts'
import type { Start } from './program.ts'

/** `npm run api` */
export const main = (start: Start): Promise<number> => runApart(start, 'api', openApi)
