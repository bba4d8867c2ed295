import { shape } from '../../domain/limits.ts'
import { isPrintable, isSlug } from '../../domain/text.ts'
import { Drop, isRaw, type Draft, type Step } from './step.ts'

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
  let count = 0
  for (const name in attrs) {
    if (++count > shape.attrsMax) return tooMany
    if (!isSlug(name)) return malformedName
    const value = attrs[name]
    // An empty value is none.
    if (value === '') continue
    if (!isPrintable(value, shape.attrValueCharsMax)) return malformedValue
    if (dimensions.has(name)) (event.attributes ??= []).push([name, value])
    else context.left.unknownAttributes++
  }
  return event
}
