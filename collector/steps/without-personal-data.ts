import { personalData } from '../../domain/personal-data.ts'
import { Drop, type Draft, type Step } from './step.ts'

function refused(field: string, kind: string): Drop {
  return new Drop('personal-data', field, `looks like personal data (${kind})`)
}

/** 400 personal-data: names and values that look like a person's. Those in use were looked at when they were new. */
export const withoutPersonalData: Step<Draft> = (event) => {
  if (event.newStep) {
    const kind = personalData(event.step)
    if (kind !== null) return refused('step', kind)
  }
  if (event.type === 'error') {
    const kind = personalData(event.field)
    if (kind !== null) return refused('field', kind)
    const kindOfCode = personalData(event.code)
    if (kindOfCode !== null) return refused('code', kindOfCode)
  }
  if (event.attributes === undefined || event.attributes === event.envelope.settled?.attributes) return event
  const { names } = event.envelope.service
  for (const [name, value] of event.attributes) {
    if (names.seesValue(name, value)) continue
    const kind = personalData(value)
    if (kind !== null) return refused('attrs', kind)
  }
  return event
}
