import { writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { verdictType } from '../../domain/funnel/verdict.ts'
import { raw, sql } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'

/**
 * Inserts rows one by one and says what was acknowledged (`trail N`, `facts N`), with merges, mutations and the
 * deletion of old parts in between.
 *
 * Arguments: data directory, rows.
 */
const [directory = '', rows = '0'] = process.argv.slice(2)
const say = (line: string): void => void writeSync(1, `${line}\n`)

const stores = await openEmbedded(directory)
// So that old parts are deleted while somebody looks. Far more often than that, an insert fsyncs the names.
await stores.writes.command(sql`ALTER TABLE trail MODIFY SETTING old_parts_lifetime = 1`)
say('opened')
const columns = ['service', 'journey', 'identity', 'at', 'engagedMs', 'content']
for (let row = 0; row < Number(rows); row++) {
  say(`sent ${row}`)
  await stores.writes.insert('trail', columns, [['renew', String(row), row, row, 0, '7start']])
  say(`trail ${row}`)
  await stores.writes.command(sql`INSERT INTO facts (service, journey, revision, givenAt, givenLastAt, givenVerdict)
    SELECT service, identity, 1, [at], at, CAST((0, 0, 0, 0, 0, [], 0, 0, -1), '${raw(verdictType)}')
    FROM trail FINAL WHERE identity > 0 ORDER BY identity DESC LIMIT 3`)
  say(`facts ${row}`)
  if (row % 7 === 3) await stores.writes.command(sql`OPTIMIZE TABLE trail FINAL`)
  if (row % 10 === 9)
    await stores.writes.command(sql`ALTER TABLE trail DELETE WHERE identity = 0 SETTINGS mutations_sync = 1`)
  await setTimeout(60)
}
await stores.close()
say('closed')
