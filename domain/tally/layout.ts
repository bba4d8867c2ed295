import { raw, type Sql } from '../sql.ts'

/** Of what tallies consist: 1 hours and days, 2 weeks too, without times of values by the hour. Seals of another are made anew. */
export const tallyLayout = 2

/** Condition on a row of table seals: its service is sealed. */
export const isSealed: Sql = raw(`notEmpty(layers) AND layout = ${tallyLayout}`)
