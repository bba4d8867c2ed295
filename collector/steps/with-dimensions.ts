import type { Draft, Step } from './step.ts'

/** Value of a dimension that has as many values as it may. */
export const otherValue = 'other'

/** What the event says of its visitor and of itself, sorted by name. A value past the limit is `other`. */
export const withDimensions: Step<Draft> = (event, context) => {
  const { attributes, envelope } = event
  if (attributes === undefined) return event
  if (attributes === envelope.settled?.attributes) {
    event.dimensions = envelope.settled.dimensions
    return event
  }
  const known = envelope.service
  let replaced = 0
  const dimensions = attributes.map((attribute): readonly [string, string] => {
    const [dimension, value] = attribute
    if (value === otherValue || known.names.seesValue(dimension, value)) return attribute
    if (known.names.addValue(dimension, value)) {
      context.added.push({ known, dimension, value })
      return attribute
    }
    replaced++
    return [dimension, otherValue]
  })
  // Names differ, so there are no ties.
  event.dimensions = [...envelope.visitor, ...dimensions].sort(([a], [b]) => (a < b ? -1 : 1))
  context.left.manyValues += replaced
  // A replaced value is counted for every event that has it.
  if (replaced === 0) envelope.settled = { attributes, dimensions: event.dimensions }
  return event
}
