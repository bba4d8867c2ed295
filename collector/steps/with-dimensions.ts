import type { Draft, Step } from './step.ts'

/** Value of a dimension that has as many values as it may. */
export const otherValue = 'other'

/** What the event says of its visitor and of itself, sorted by name. A value past the limit is `other`. */
export const withDimensions: Step<Draft> = (event, context) => {
  const { attributes, envelope } = event
  if (attributes === undefined) return event
  const known = envelope.service
  for (const attribute of attributes) {
    const [dimension, value] = attribute
    if (value === otherValue || known.names.seesValue(dimension, value)) continue
    if (known.names.addValue(dimension, value)) context.added.push({ known, dimension, value })
    else {
      attribute[1] = otherValue
      context.left.manyValues++
    }
  }
  // Names differ, so there are no ties.
  event.dimensions = [...envelope.visitor, ...attributes].sort(([a], [b]) => (a < b ? -1 : 1))
  return event
}
