import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultLimits } from '../../domain/limits.ts'
import { openLocalLog } from '../../infra/local-log/open.ts'
import { eventLogContract } from '../contract/event-log.ts'
import { MemoryLog } from '../support/memory-log.ts'
import { temporaryDirectory } from '../support/temporary.ts'

eventLogContract('memory log', async () => ({ log: new MemoryLog() }), { reopen: false, spoil: false })

eventLogContract(
  'local log',
  async () => {
    const directory = await temporaryDirectory()
    const reopen = () => openLocalLog({ directory, limits: defaultLimits })
    return { log: await reopen(), reopen, spoil: () => spoilLastEntry(directory) }
  },
  { reopen: true, spoil: true },
)

/** Changes one byte of the text that stands last. */
async function spoilLastEntry(directory: string): Promise<void> {
  const newest =
    (await readdir(directory))
      .filter((name) => name.endsWith('.log'))
      .sort()
      .at(-1) ?? ''
  const file = await open(join(directory, newest), 'r+')
  const { size } = await file.stat()
  await file.write(Buffer.from('~'), 0, 1, size - 5)
  await file.close()
}
