import { spawnSync } from 'node:child_process'
import { beforeAll, expect, it } from 'vitest'
import { bundled, startChild } from '../support/child.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/**
 * A small tmpfs in a mount namespace of the child's own, which goes with it: as root, or by a user namespace where
 * those are allowed. A limit on file sizes would be no substitute: it stops one file, where a full disk stops all.
 */
const ways = [['--mount'], ['--user', '--map-root-user', '--mount']].filter(
  (flags) => spawnSync('unshare', [...flags, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0,
)

let program: string
beforeAll(async () => {
  program = await bundled('tests/faults/disk-full-child.ts')
})

it.skipIf(ways.length === 0).each([
  ['another file goes', 'ballast'],
  ['its own events are forgotten', 'consumer'],
])('says that the disk is full, and goes on by itself when %s; nothing acknowledged is lost', async (_, way) => {
  const directory = await temporaryDirectory()
  const script = `mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@"`
  const child = startChild('unshare', [
    ...(ways[0] ?? []),
    'sh',
    '-c',
    script,
    directory,
    process.execPath,
    program,
    directory,
    way,
  ])
  const { code, errors } = await child.ended
  expect(errors).toBe('')
  expect(code).toBe(0)
  const answer: unknown = JSON.parse(child.lines[0] ?? 'null')
  expect(answer).toEqual({
    acknowledged: expect.any(Number) as number,
    lost: 0,
    pendingExact: true,
    takenWhenFull: expect.any(Number) as number,
    refusals: ['the disk is full, 5 s'],
    afterwards: [true, true, true],
    unexpected: null,
  })
  expect(answer).toHaveProperty(
    'acknowledged',
    expect.toSatisfy((count: number) => count > 1000),
  )
})
