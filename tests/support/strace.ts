import { spawnSync } from 'node:child_process'

/** A system call that ended, as strace wrote it down. */
export interface Call {
  readonly name: string
  readonly args: readonly string[]
  readonly result: number
  /** Position in the trace where it began and where it ended: others may have run in between. */
  readonly began: number
  readonly ended: number
}

/** Whatever changes what a disk holds, or says what does. */
export const tracedCalls = [
  'open,openat,creat,close,dup,dup2,dup3,lseek,mmap',
  'write,pwrite64,writev,pwritev,pwritev2,truncate,ftruncate,fallocate,copy_file_range,sendfile,splice',
  'fsync,fdatasync,sync,syncfs',
  'rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir',
].join(',')

export const straceArguments = ['-f', '-xx', '-s', '33554432', '-e', `trace=${tracedCalls}`]

/** Whether processes may be traced here: strace is installed, and ptrace is allowed. */
export function canTrace(): boolean {
  const { status } = spawnSync('strace', ['-f', '-o', '/dev/null', '-e', 'trace=write', 'true'])
  return status === 0
}

/**
 * The calls of a trace made with `straceArguments`, in the order in which they ended.
 * @throws Error on a line that it does not understand: a call unseen would make a disk too good
 */
export function parseTrace(text: string): Call[] {
  const calls: Call[] = []
  const unfinished = new Map<string, { text: string; began: number }>()
  text.split('\n').forEach((line, index) => {
    const match = /^(\d+) +(.*)$/.exec(line)
    if (match === null) {
      if (line !== '') throw new Error(`no line of strace: ${line.slice(0, 100)}`)
      return
    }
    const [, process = '', what = ''] = match
    if (what.startsWith('+++') || what.startsWith('---')) return
    if (what.endsWith('<unfinished ...>')) {
      unfinished.set(process, { text: what.slice(0, -'<unfinished ...>'.length), began: index })
      return
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(what)
    const start = resumed === null ? undefined : unfinished.get(process)
    if (resumed !== null && start === undefined) throw new Error(`resumed out of nothing: ${line.slice(0, 100)}`)
    unfinished.delete(process)
    const whole = start === undefined ? what : start.text + what.slice(resumed?.[0].length)
    const call = parseCall(whole, start?.began ?? index, index)
    if (call !== undefined) calls.push(call)
  })
  return calls
}

function parseCall(text: string, began: number, ended: number): Call | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(') ')
  const result = /^\) +(?:= |=)(-?\d+|\?|0x[0-9a-f]+)/.exec(text.slice(close).replace(/^\) +=/, ') ='))
  if (open === -1 || close === -1 || result?.[1] === undefined)
    throw new Error(`no call of strace: ${text.slice(0, 100)}`)
  // It never came back: the process was killed in it.
  if (result[1] === '?') return undefined
  return {
    name: text.slice(0, open),
    args: split(text.slice(open + 1, close)),
    result: Number(result[1]),
    began,
    ended,
  }
}

/** At the commas outside of brackets: strings are all hexadecimal, so they hold none of either. */
function split(text: string): string[] {
  const args: string[] = []
  let depth = 0
  let start = 0
  for (let index = 0; index <= text.length; index++) {
    const char = text[index]
    if (char === '[' || char === '{') depth++
    else if (char === ']' || char === '}') depth--
    else if ((char === ',' && depth === 0) || index === text.length) {
      args.push(text.slice(start, index).trim())
      start = index + 1
    }
  }
  return args
}

/** The bytes of a string argument, or of all strings in a list of vectors. */
export function bytesOf(arg: string): Buffer {
  if (arg.includes('"...')) throw new Error('a string was cut off in the trace')
  const strings = [...arg.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map((match) => match[1] ?? '')
  return Buffer.concat(strings.map((hex) => Buffer.from(hex.replaceAll('\\x', ''), 'hex')))
}

export function pathOf(arg: string): string {
  return bytesOf(arg).toString()
}
