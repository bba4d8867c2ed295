import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Random } from './random.ts'

const blockBytes = 4096

/** What a disk knows of a file, a directory or a link: what is on it, and what only the page cache has. */
type Node = FileNode | DirectoryNode | LinkNode

export interface FileNode {
  readonly kind: 'file'
  /** What a process reads now. */
  size: number
  durable: Buffer
  readonly cached: FileChange[]
}

interface DirectoryNode {
  readonly kind: 'directory'
  readonly entries: Map<string, Node>
  durable: Map<string, Node>
  readonly cached: EntryChange[]
}

interface LinkNode {
  readonly kind: 'link'
  readonly target: string
}

type FileChange = { readonly at: number } & (
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'size'; readonly size: number }
)

/** A write that the process has asked for, and that has not returned. */
export interface UnderWay {
  readonly file: FileNode
  readonly offset: number
  readonly bytes: Buffer
}

/** A name that came, went or was renamed. A rename over two directories stands in both, and is one change. */
interface EntryChange {
  readonly at: number
  readonly steps: readonly {
    readonly directory: DirectoryNode
    readonly name: string
    readonly node: Node | undefined
  }[]
  done: boolean
}

/**
 * What of the things that were not fsynced a power cut leaves behind:
 * `none` of them; or any of the writes, block by block, and of the changes of names those before some moment
 * (`ordered`, as file systems with a journal do) or `any` (as POSIX allows).
 */
export type Kept = 'none' | 'ordered' | 'any'

/** What is on the disk after a power cut. */
export type Image =
  | { readonly kind: 'file'; readonly bytes: Buffer }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'directory'; readonly entries: ReadonlyMap<string, Image> }

/**
 * A directory tree as its file system sees it: every change is in the page cache first, and on the disk when
 * the file (its bytes and size) or the directory (its names) was fsynced. Changes carry the moment at which
 * they were made, since an fsync promises only what was there when it began. What a write by O_DSYNC wrote is on
 * the disk when it returns.
 */
export class RecordedDisk {
  readonly #root: DirectoryNode = newDirectory()
  readonly #files = new Set<Node>()

  /** @param path names from the root of the tree, empty for the root itself */
  find(path: readonly string[]): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of path) {
      if (node?.kind !== 'directory') return undefined
      node = node.entries.get(name)
    }
    return node
  }

  create(path: readonly string[], at: number, node: Node): Node {
    this.#files.add(node)
    this.#change(at, [{ path, node }])
    return node
  }

  createFile(path: readonly string[], at: number): FileNode {
    const node: FileNode = { kind: 'file', size: 0, durable: Buffer.alloc(0), cached: [] }
    this.create(path, at, node)
    return node
  }

  createDirectory(path: readonly string[], at: number): void {
    this.create(path, at, newDirectory())
  }

  createLink(path: readonly string[], at: number, target: string): void {
    this.create(path, at, { kind: 'link', target })
  }

  remove(path: readonly string[], at: number): void {
    this.#change(at, [{ path, node: undefined }])
  }

  /** @param exchange that what stood at `to` stands at `from` then */
  rename(from: readonly string[], to: readonly string[], at: number, exchange: boolean): void {
    const node = this.find(from)
    const other = exchange ? this.find(to) : undefined
    if (node !== undefined)
      this.#change(at, [
        { path: from, node: other },
        { path: to, node },
      ])
  }

  write(file: FileNode, at: number, offset: number, bytes: Buffer): void {
    file.cached.push({ at, kind: 'write', offset, bytes })
    file.size = Math.max(file.size, offset + bytes.length)
  }

  /** By a file that was opened with O_DSYNC: on the disk when the call returns, and nothing else of the file is. */
  writeDurably(file: FileNode, offset: number, bytes: Buffer): void {
    const end = offset + bytes.length
    for (const change of file.cached)
      if (change.kind === 'size' || (change.offset < end && offset < change.offset + change.bytes.length))
        throw new Error('a durable write over what is not on the disk is not modelled')
    file.durable = applied(file.durable, { at: 0, kind: 'write', offset, bytes })
    file.size = Math.max(file.size, end)
  }

  resize(file: FileNode, at: number, size: number): void {
    if (file.size === size) return
    file.cached.push({ at, kind: 'size', size })
    file.size = size
  }

  /** @param before only what was made before this moment */
  sync(node: Node, before: number): void {
    if (node.kind === 'file') {
      const now = node.cached.filter(({ at }) => at < before)
      for (const change of now) node.durable = applied(node.durable, change)
      node.cached.splice(0, node.cached.length, ...node.cached.filter(({ at }) => at >= before))
    } else if (node.kind === 'directory') {
      for (const change of node.cached.splice(0)) {
        if (change.at >= before) node.cached.push(change)
        else if (!change.done) {
          change.done = true
          for (const { directory, name, node: named } of change.steps) enter(directory.durable, name, named)
        }
      }
    }
  }

  syncAll(before: number): void {
    this.sync(this.#root, before)
    for (const node of this.#files) this.sync(node, before)
  }

  /**
   * What a power cut now would leave.
   * @param underWay writes that have begun and not ended: any block of them may be there
   */
  image(kept: Kept, random: Random, underWay: readonly UnderWay[] = []): Image {
    const begun = (node: FileNode): UnderWay[] => underWay.filter(({ file }) => file === node)
    const names = this.#keptNames(kept, random)
    const imageOf = (node: Node): Image => {
      if (node.kind === 'link') return { kind: 'link', target: node.target }
      if (node.kind === 'file')
        return { kind: 'file', bytes: kept === 'none' ? node.durable : torn(node, begun(node), random) }
      const entries = new Map<string, Image>()
      for (const [name, child] of names.get(node) ?? node.durable) entries.set(name, imageOf(child))
      return { kind: 'directory', entries }
    }
    return imageOf(this.#root)
  }

  #change(at: number, changes: readonly { path: readonly string[]; node: Node | undefined }[]): void {
    const steps = changes.map(({ path, node }) => {
      const directory = this.find(path.slice(0, -1))
      const name = path.at(-1)
      if (directory?.kind !== 'directory' || name === undefined)
        throw new Error(`the recording has no directory for ${path.join('/')}`)
      return { directory, name, node }
    })
    const change: EntryChange = { at, steps, done: false }
    for (const { directory, name, node } of steps) enter(directory.entries, name, node)
    for (const directory of new Set(steps.map((step) => step.directory))) directory.cached.push(change)
  }

  #keptNames(kept: Kept, random: Random): Map<DirectoryNode, Map<string, Node>> {
    const names = new Map<DirectoryNode, Map<string, Node>>()
    if (kept === 'none') return names
    const directories = [this.#root, ...[...this.#files].filter((node) => node.kind === 'directory')]
    const changes = [...new Set(directories.flatMap(({ cached }) => cached))]
      .filter(({ done }) => !done)
      .sort((a, b) => a.at - b.at)
    const until = random.whole(0, changes.length)
    changes.forEach((change, index) => {
      if (kept === 'ordered' ? index >= until : random.chance(0.5)) return
      for (const { directory, name, node } of change.steps) {
        const entries = names.get(directory) ?? new Map(directory.durable)
        names.set(directory, entries)
        enter(entries, name, node)
      }
    })
    return names
  }
}

export async function writeImage(image: Image, path: string): Promise<void> {
  if (image.kind === 'file') await writeFile(path, image.bytes)
  else if (image.kind === 'link') await symlink(image.target, path)
  else {
    await mkdir(dirname(path), { recursive: true })
    await mkdir(path)
    for (const [name, entry] of image.entries) await writeImage(entry, join(path, name))
  }
}

function newDirectory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), durable: new Map(), cached: [] }
}

function enter(entries: Map<string, Node>, name: string, node: Node | undefined): void {
  if (node === undefined) entries.delete(name)
  else entries.set(name, node)
}

function applied(bytes: Buffer, change: FileChange): Buffer {
  const size = change.kind === 'size' ? change.size : Math.max(bytes.length, change.offset + change.bytes.length)
  const result = size === bytes.length ? bytes : Buffer.concat([bytes.subarray(0, size)], size)
  if (change.kind === 'write') {
    const written = result === bytes ? Buffer.from(result) : result
    change.bytes.copy(written, change.offset)
    return written
  }
  return result
}

/** Some blocks of what was not fsynced are there, some are not, and the size may have come without them. */
function torn(file: FileNode, underWay: readonly UnderWay[], random: Random): Buffer {
  let bytes = file.durable
  if (random.chance(0.5)) return bytes
  const begun = underWay.map((write) => ({ ...write, at: 0, kind: 'write' }) as const)
  for (const change of [...file.cached, ...begun]) {
    if (change.kind === 'size') {
      if (random.chance(0.5)) bytes = applied(bytes, change)
      continue
    }
    for (let from = 0; from < change.bytes.length;) {
      const to = Math.min(change.bytes.length, from + blockBytes - ((change.offset + from) % blockBytes))
      if (random.chance(0.6))
        bytes = applied(bytes, { ...change, offset: change.offset + from, bytes: change.bytes.subarray(from, to) })
      from = to
    }
  }
  const size = Math.max(file.size, ...underWay.map((write) => write.offset + write.bytes.length))
  if (random.chance(0.3)) bytes = applied(bytes, { at: 0, kind: 'size', size: Math.max(bytes.length, size) })
  return bytes
}
