import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sql } from '../../domain/sql.ts'
import { openEmbedded } from '../../infra/clickhouse/embedded.ts'
import { bundled } from '../support/child.ts'
import { numbersSaid } from '../support/log-reading.ts'
import { record, Replay } from '../support/power-cut.ts'
import { seededRandom } from '../support/random.ts'
import type { Kept } from '../support/recorded-disk.ts'
import { canTrace } from '../support/strace.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const rows = 22
const cuts = 8

it.skipIf(!canTrace())('has every row that an INSERT acknowledged after a power cut, merges included', async () => {
  const random = seededRandom(8)
  const work = await temporaryDirectory()
  const data = join(work, 'data')
  const program = await bundled('tests/faults/clickhouse-child.ts')
  const command = [process.execPath, program, join(data, 'clickhouse'), `${rows}`]
  const recording = await record(data, join(work, 'trace'), command)
  const calls = recording.calls.length
  // Most of the calls are the making of the tables: two cuts there, the others where there is something to lose.
  const moments = Array.from({ length: cuts }, (_, cut) => random.whole(cut < 2 ? 0 : Math.floor(calls / 2), calls))
  const replay = new Replay(recording)
  for (const [cut, moment] of moments.sort((a, b) => a - b).entries()) {
    replay.playTo(moment)
    const { said } = replay
    const kept = random.pick<Kept>(['none', 'ordered', 'any'])
    const image = join(work, `image-${cut}`)
    await replay.rebuild(kept, random, image)
    const { trail, facts } = await identities(join(image, 'clickhouse'))
    const where = `at call ${moment} of ${calls}, kept: ${kept}, said last: ${said.at(-1)}`
    const acknowledged = numbersSaid(said, 'trail').filter((row) => row > 0)
    expect(
      acknowledged.filter((row) => !trail.includes(row)),
      where,
    ).toEqual([])
    expect(
      trail.filter((row) => !numbersSaid(said, 'sent').includes(row)),
      where,
    ).toEqual([])
    const computed = numbersSaid(said, 'facts').filter((row) => row > 0)
    expect(
      computed.filter((row) => !facts.includes(row)),
      where,
    ).toEqual([])
    await rm(image, { recursive: true })
  }
  replay.playTo(calls)
  expect(replay.said.at(-1)).toBe('closed')
})

async function identities(directory: string): Promise<{ trail: number[]; facts: number[] }> {
  const stores = await openEmbedded(directory)
  try {
    const trail = await stores.reads.select<{ id: string }>(sql`SELECT identity AS id FROM trail FINAL ORDER BY id`)
    const facts = await stores.reads.select<{ id: string }>(sql`SELECT journey AS id FROM facts FINAL ORDER BY id`)
    return { trail: trail.map(({ id }) => Number(id)), facts: facts.map(({ id }) => Number(id)) }
  } finally {
    await stores.close()
  }
}
