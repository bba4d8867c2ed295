import { InvalidParameter } from '../domain/errors.ts'

/**
 * Where a list goes on: after this journey, as of the moment of its first page, so that what is on the pages
 * together is the list as it was then, however long the reader takes. New events may still move a journey.
 */
export interface Cursor {
  /** ms: states and default periods of all pages are of this moment. */
  readonly asOf: number
  readonly seenAt: number
  /** 16 lower-case hex digits. */
  readonly journey: string
}

const form = /^1\.(\d{1,16})\.(\d{1,16})\.([0-9a-f]{16})$/

export function writeCursor({ asOf, seenAt, journey }: Cursor): string {
  return btoa(`1.${asOf}.${seenAt}.${journey}`).replace(/=+$/, '')
}

/** @throws {InvalidParameter} naming `cursor`, for what no answer has given */
export function readCursor(text: string, nowMs: number): Cursor {
  const [, asOf, seenAt, journey] = form.exec(decoded(text)) ?? []
  if (asOf === undefined || seenAt === undefined || journey === undefined || Number(asOf) > nowMs)
    throw new InvalidParameter('cursor', 'the `cursor` of an earlier answer, as it was')
  return { asOf: Number(asOf), seenAt: Number(seenAt), journey }
}

/** The same place at whatever moment; what is no cursor of ours as it is. */
export function cursorWithoutMoment(text: string): string {
  const [, , seenAt, journey] = form.exec(decoded(text)) ?? []
  return seenAt === undefined || journey === undefined ? text : `${seenAt}.${journey}`
}

function decoded(text: string): string {
  try {
    return text.length > 100 ? '' : atob(text)
  } catch {
    return ''
  }
}
