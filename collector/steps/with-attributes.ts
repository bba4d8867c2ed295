import { shape } from '../../domain/limits.ts'
import { isPrintable, isSlug } from '../../domain/text.ts'
import { Drop, isRaw, type Attributes, type Draft, type Step } from './step.ts'

const malformed = new Drop('invalid-event', 'attrs', 'expected an object of slugs and strings')
const tooMany = new Drop('invalid-event', 'attrs', `expected at most ${shape.attrsMax} attributes`)
const malformedName = new Drop('invalid-event', 'attrs', 'expected slugs as names of attributes')
const malformedValue = new Drop(
  'invalid-event',
  'attrs',
  `expected strings of at most ${shape.attrValueCharsMax} printable characters as values`,
)

/** 400 invalid-event. Attributes that the service does not list are left out and counted; the event is kept. */
export const withAttributes: Step<Draft> = (event, context) => {
  const attrs = event.raw['attrs']
  if (attrs === undefined || attrs === null) return event
  if (!isRaw(attrs)) return malformed
  const { dimensions } = event.envelope.service
  const before = event.envelope.settled?.attributes
  let same = 0
  let attributes: [name: string, value: string][] | undefined
  let count = 0
  for (const name in attrs) {
    if (++count > shape.attrsMax) return tooMany
    const listed = dimensions.has(name)
    if (!listed && !isSlug(name)) return malformedName
    const value = attrs[name]
    // An empty value is none.
    if (value === '') continue
    if (!isPrintable(value, shape.attrValueCharsMax)) return malformedValue
    if (!listed) {
      context.left.unknownAttributes++
      continue
    }
    const pair = attributes === undefined ? before?.[same] : undefined
    if (pair !== undefined && pair[0] === name && pair[1] === value) same++
    else (attributes ??= sliceOf(before, same)).push([name, value])
  }
  // The very list of the event before, where it is the same, says that it was looked at.
  event.attributes = attributes ?? (same === before?.length ? before : same > 0 ? sliceOf(before, same) : undefined)
  return event
}

function sliceOf(attributes: Attributes | undefined, end: number): [name: string, value: string][] {
  return (attributes ?? []).slice(0, end).map(([name, value]) => [name, value])
}
