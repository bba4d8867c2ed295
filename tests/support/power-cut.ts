import { readFile } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { startChild, type Child } from './child.ts'
import type { Random } from './random.ts'
import { RecordedDisk, writeImage, type FileNode, type Kept, type UnderWay } from './recorded-disk.ts'
import { bytesOf, parseTrace, pathOf, straceArguments, type Call } from './strace.ts'

/** What a process did to a directory, and what it said meanwhile. */
export interface Recording {
  readonly directory: string
  readonly calls: readonly Call[]
}

/**
 * Runs a program under strace and writes down every call that changes files, with what it wrote. The directory
 * must be empty, or not be there: what was in it before is not known.
 * @param traceFile where the trace goes, outside of the directory
 * @param during may kill the program
 */
export async function record(
  directory: string,
  traceFile: string,
  command: readonly string[],
  during: (child: Child) => Promise<void> = () => Promise.resolve(),
): Promise<Recording> {
  const child = startChild('strace', [...straceArguments, '-o', traceFile, ...command])
  await during(child)
  const { code, errors } = await child.ended
  if (code !== 0) throw new Error(`the recorded program failed: ${errors}`)
  return { directory, calls: parseTrace(await readFile(traceFile, 'latin1')) }
}

/** Moments about the end of a write while another is under way. They are few, and the ones to get wrong. */
export function overlappingWrites({ calls }: Recording): number[] {
  const writes = [...calls.entries()].filter(([, { name, args }]) => writing.has(name) && args[0] !== '1')
  return writes.flatMap(([index, { ended }], at) =>
    writes.slice(at + 1).some(([, { began }]) => began < ended) ? [index, index + 1] : [],
  )
}

const writing = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'])

interface OpenFile {
  readonly node: NonNullable<ReturnType<RecordedDisk['find']>>
  position: number
  readonly append: boolean
  readonly syncs: boolean
}

/** Plays a recording up to any call, and rebuilds what a power cut there would have left. */
export class Replay {
  readonly #disk = new RecordedDisk()
  readonly #open = new Map<number, OpenFile>()
  /** When a descriptor came to name what it names. */
  readonly #since = new Map<number, number>()
  #next = 0
  #output = ''

  constructor(readonly recording: Recording) {}

  get done(): boolean {
    return this.#next >= this.recording.calls.length
  }

  /** Lines written to standard output so far. */
  get said(): string[] {
    return this.#output.split('\n').slice(0, -1)
  }

  /** @param calls how many of the recording's calls have ended when the power goes: the next is about to */
  playTo(calls: number): void {
    for (; this.#next < calls && !this.done; this.#next++) {
      const call = this.recording.calls[this.#next]
      if (call !== undefined && call.result >= 0) this.#play(call)
    }
  }

  async rebuild(kept: Kept, random: Random, directory: string): Promise<void> {
    await writeImage(this.#disk.image(kept, random, this.#underWay()), directory)
  }

  /** Writes that had begun when the next call ended. */
  #underWay(): UnderWay[] {
    const { calls } = this.recording
    const moment = calls[this.#next]?.ended ?? 0
    const found: UnderWay[] = []
    for (const call of calls.slice(this.#next)) {
      if (call.began > moment || call.result <= 0 || !writing.has(call.name)) continue
      const { file, offset, bytes } = this.#writeOf(call)
      if (file !== undefined) found.push({ file, offset, bytes })
    }
    return found
  }

  /** What a call of those that write does; to no file when it is none of the directory. */
  #writeOf({ name, args, result }: Call): { file: FileNode | undefined; offset: number; bytes: Buffer } {
    const open = this.#open.get(Number(args[0]))
    const bytes = bytesOf(args[1] ?? '').subarray(0, result)
    if (open === undefined) return { file: undefined, offset: 0, bytes }
    const { node } = open
    if (node.kind !== 'file') throw new Error('written to what is no file')
    const offset = name.startsWith('p') ? Number(args[3]) : open.append ? node.size : open.position
    return { file: node, offset, bytes }
  }

  #play(call: Call): void {
    const { name, args, result } = call
    const descriptor = Number(args[0])
    const file = this.#open.get(descriptor)
    switch (name) {
      case 'open':
      case 'openat':
      case 'creat':
        return this.#opened(call)
      case 'close':
        // Its number is free before the call returns: another thread may have opened a file by it meanwhile.
        return void ((this.#since.get(descriptor) ?? 0) < call.began && this.#open.delete(descriptor))
      case 'dup':
      case 'dup2':
      case 'dup3':
        return void (file !== undefined && this.#name(result, file, call.ended))
      case 'lseek':
        return void (file !== undefined && (file.position = result))
      case 'fsync':
      case 'fdatasync':
        return void (file !== undefined && this.#disk.sync(file.node, call.began))
      case 'sync':
      case 'syncfs':
        return this.#disk.syncAll(call.began)
      case 'write':
      case 'writev':
      case 'pwrite64':
      case 'pwritev':
      case 'pwritev2':
        return this.#wrote(call)
      case 'truncate':
      case 'ftruncate':
      case 'fallocate':
        return this.#resized(call, file)
      default:
        return this.#named(call)
    }
  }

  #opened({ name, args, ended, result }: Call): void {
    const [directory, path = '', flags = ''] = name === 'openat' ? args : ['AT_FDCWD', ...args]
    const named = this.#names(directory, path)
    if (named === undefined) return
    const names = flags.includes('O_NOFOLLOW') ? named : this.#followed([...named, '.']).slice(0, -1)
    let node = this.#disk.find(names)
    if (node === undefined) {
      if (!flags.includes('O_CREAT') && name !== 'creat') return
      node = this.#disk.createFile(names, ended)
    }
    if (node.kind === 'file' && (flags.includes('O_TRUNC') || name === 'creat')) this.#disk.resize(node, ended, 0)
    const syncs = /O_D?SYNC/.test(flags)
    this.#name(result, { node, position: 0, append: flags.includes('O_APPEND'), syncs }, ended)
  }

  #name(descriptor: number, file: OpenFile, at: number): void {
    this.#open.set(descriptor, file)
    this.#since.set(descriptor, at)
  }

  #wrote(call: Call): void {
    const open = this.#open.get(Number(call.args[0]))
    const { file, offset, bytes } = this.#writeOf(call)
    if (open === undefined || file === undefined) {
      if (call.args[0] === '1') this.#output += bytes.toString()
      return
    }
    if (open.syncs) this.#disk.writeDurably(file, offset, bytes)
    else this.#disk.write(file, call.ended, offset, bytes)
    if (!call.name.startsWith('p')) open.position = offset + bytes.length
  }

  #resized({ name, args, ended }: Call, file: OpenFile | undefined): void {
    const names = name === 'truncate' ? this.#names('AT_FDCWD', args[0] ?? '') : undefined
    const node = names === undefined ? file?.node : this.#disk.find(names)
    if (node?.kind !== 'file') return
    if (name !== 'fallocate') return this.#disk.resize(node, ended, Number(args[1]))
    if (args[1] !== '0') throw new Error('fallocate other than to extend is not modelled')
    this.#disk.resize(node, ended, Math.max(node.size, Number(args[2]) + Number(args[3])))
  }

  #named({ name, args, ended }: Call): void {
    const at = name.endsWith('at') || name === 'renameat2'
    const first = at ? this.#names(args[0], args[1] ?? '') : this.#names('AT_FDCWD', args[0] ?? '')
    switch (name) {
      case 'unlink':
      case 'unlinkat':
      case 'rmdir':
        return first === undefined ? undefined : this.#disk.remove(first, ended)
      case 'mkdir':
      case 'mkdirat':
        // The directory that is recorded is the root itself.
        return first === undefined || first.length === 0 ? undefined : this.#disk.createDirectory(first, ended)
      case 'rename':
      case 'renameat':
      case 'renameat2':
      case 'link':
      case 'linkat': {
        const second = at ? this.#names(args[2], args[3] ?? '') : this.#names('AT_FDCWD', args[1] ?? '')
        return this.#movedOrLinked(name, first, second, ended, args[4]?.includes('EXCHANGE') ?? false)
      }
      case 'symlink':
      case 'symlinkat': {
        const link = this.#names(name === 'symlink' ? 'AT_FDCWD' : args[1], args[name === 'symlink' ? 1 : 2] ?? '')
        return link === undefined ? undefined : this.#disk.createLink(link, ended, pathOf(args[0] ?? ''))
      }
      case 'mmap':
        if (!args.includes('MAP_SHARED') || !(args[2] ?? '').includes('PROT_WRITE')) return
        if (this.#open.has(Number(args[4]))) throw new Error('writing through a shared mapping is not modelled')
        return
      default:
        if (args.some((arg) => this.#open.has(Number(arg)))) throw new Error(`${name} is not modelled`)
    }
  }

  #movedOrLinked(
    name: string,
    first: readonly string[] | undefined,
    second: readonly string[] | undefined,
    at: number,
    exchange: boolean,
  ): void {
    if (first === undefined && second === undefined) return
    if (first === undefined || second === undefined) throw new Error('a name left or entered the recorded directory')
    if (name.startsWith('rename')) return this.#disk.rename(first, second, at, exchange)
    const node = this.#disk.find(first)
    if (node !== undefined) this.#disk.create(second, at, node)
  }

  /** Names from the recorded directory to a path; `undefined` outside of it. Links in the path are followed. */
  #names(directory: string | undefined, pathArgument: string): string[] | undefined {
    const path = pathOf(pathArgument)
    const base = directory === undefined || directory.startsWith('AT_FDCWD') ? process.cwd() : undefined
    if (base === undefined && !isAbsolute(path)) {
      if (this.#open.has(Number(directory))) throw new Error('paths from an open directory are not modelled')
      return undefined
    }
    const inside = relative(this.recording.directory, resolve(base ?? sep, path))
    if (inside === '') return []
    if (inside.startsWith('..') || isAbsolute(inside)) return undefined
    return this.#followed(inside.split(sep))
  }

  #followed(names: readonly string[]): string[] {
    for (let length = 1; length < names.length; length++) {
      const node = this.#disk.find(names.slice(0, length))
      if (node?.kind !== 'link') continue
      const target = join(...names.slice(0, length - 1), '.', node.target)
      if (target.startsWith('..') || isAbsolute(node.target)) throw new Error('a link leaves the recorded directory')
      return this.#followed([...target.split(sep), ...names.slice(length)])
    }
    return [...names]
  }
}
