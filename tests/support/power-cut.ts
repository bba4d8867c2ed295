import { readFile } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { startChild, type Child } from './child.ts'
import type { Random } from './random.ts'
import { RecordedDisk, writeImage, type Kept } from './recorded-disk.ts'
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

  /** @param calls how many of the recording's calls have ended when the power goes */
  playTo(calls: number): void {
    for (; this.#next < calls && !this.done; this.#next++) {
      const call = this.recording.calls[this.#next]
      if (call !== undefined && call.result >= 0) this.#play(call)
    }
  }

  async rebuild(kept: Kept, random: Random, directory: string): Promise<void> {
    await writeImage(this.#disk.image(kept, random), directory)
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
        return void this.#open.delete(descriptor)
      case 'dup':
      case 'dup2':
      case 'dup3':
        return void (file !== undefined && this.#open.set(result, file))
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
        return this.#wrote(call, file)
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
    this.#open.set(result, {
      node,
      position: 0,
      append: flags.includes('O_APPEND'),
      syncs: /O_D?SYNC/.test(flags),
    })
  }

  #wrote({ name, args, result, ended }: Call, file: OpenFile | undefined): void {
    const bytes = bytesOf(args[1] ?? '').subarray(0, result)
    if (file === undefined) {
      if (args[0] === '1') this.#output += bytes.toString()
      return
    }
    if (file.node.kind !== 'file') throw new Error('written to what is no file')
    const placed = name.startsWith('p')
    const offset = placed ? Number(args[3]) : file.append ? file.node.size : file.position
    this.#disk.write(file.node, ended, offset, bytes)
    if (!placed) file.position = offset + bytes.length
    if (file.syncs) this.#disk.sync(file.node, ended + 1)
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
