import { mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { raw } from '../../domain/sql.ts'
import { durableNames } from '../../infra/clickhouse/durable-names.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { temporaryDirectory } from '../support/temporary.ts'

it('lets statements through whose tables keep nothing on the disk, or are gone', async () => {
  const stores = await openEmbedded(join(await temporaryDirectory(), 'clickhouse'))
  try {
    for (const statement of [
      'CREATE TABLE passing (a UInt8) ENGINE = Memory',
      'INSERT INTO passing SELECT 1',
      'CREATE TEMPORARY TABLE touched (a UInt8)',
      'INSERT INTO touched SELECT 1',
      'DROP TABLE passing SYNC',
      'CREATE TABLE kept (a UInt8) ENGINE = MergeTree ORDER BY a',
      'INSERT INTO TABLE kept SELECT 1',
      '  insert into kept SELECT 1',
      'DROP TABLE kept SYNC',
    ])
      await stores.writes.command(raw(statement))
  } finally {
    await stores.close()
  }
})

it('says when a name cannot be made durable', async () => {
  const directory = await temporaryDirectory()
  await mkdir(join(directory, 'data', 'default'), { recursive: true })
  // A link in a circle, in place of a disk that fails.
  await symlink('trail', join(directory, 'data', 'default', 'trail'))
  const names = durableNames(directory)
  await expect(names.after('INSERT INTO trail')).rejects.toMatchObject({ code: 'ELOOP' })
  await expect(names.after('INSERT INTO other')).resolves.toBeUndefined()
  names.close()
  await rm(directory, { recursive: true })
})
