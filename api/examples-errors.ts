import type { AnnotationAnswer, AnnotationRow, AnnotationsAnswer, ErrorsAnswer } from '../queries/answers.ts'

/** Examples of the calls about errors and releases; a test holds each against its schema. */

const asked = {
  service: 'renew-fishing-licence',
  from: '2026-01-05T00:00:00Z',
  to: '2026-02-02T00:00:00Z',
  tz: 'Europe/London',
  asOf: '2026-02-12T10:00:00.000Z',
  revision: 'm8x2k1-4',
  period: 'complete',
  version: 2,
} as const

const met = {
  journeys: 212,
  events: 389,
  later: { completed: 76, failed: 0, abandoned: 136, open: 0 },
  elapsed: { journeys: 212, completed: 76 },
  completionRate: { value: 0.3585, low: 0.297, high: 0.4251 },
}

export const errorsExample: ErrorsAnswer = {
  ...asked,
  started: 1434,
  journeys: 301,
  events: 540,
  errors: [
    {
      step: 'your-name',
      position: 2,
      field: 'postcode',
      code: 'format',
      ...met,
      reached: 1316,
      completionRateWithout: { value: 0.6413, low: 0.6126, high: 0.669 },
      oddsRatio: { value: 3.1993, low: 2.3548, high: 4.3467 },
    },
  ],
  other: { rows: 4, journeys: 97, events: 151 },
  codes: [
    {
      field: 'postcode',
      code: 'format',
      ...met,
      steps: [{ position: 2, step: 'your-name' }],
      oddsRatio: { value: 3.1993, low: 2.3548, high: 4.3467 },
    },
  ],
  otherCodes: { rows: 3, journeys: 97, events: 151 },
}

export const newAnnotationExample = { id: 'v12-4', at: '2026-01-19T14:05:00Z', kind: 'release', label: 'Version 12.4' }

export const markedExample = {
  id: 'v12-4',
  at: '2026-01-19T14:05:00.000Z',
  kind: 'release',
  label: 'Version 12.4',
  createdAt: '2026-01-19T14:05:03.217Z',
} as const

const row: AnnotationRow = {
  ...markedExample,
  at: '2026-01-19T14:05:00Z',
  comparison: {
    horizonSeconds: 604_800,
    wholeWindow: true,
    before: {
      from: '2025-12-22T14:05:00Z',
      to: '2026-01-19T14:05:00Z',
      started: 1390,
      completed: 841,
      rate: { value: 0.605, low: 0.5791, high: 0.6304 },
      standardisedRate: 0.6071,
    },
    after: {
      from: '2026-01-19T14:05:00Z',
      to: '2026-02-05T10:00:00Z',
      started: 872,
      completed: 472,
      rate: { value: 0.5413, low: 0.5081, high: 0.5741 },
      standardisedRate: 0.5432,
    },
    difference: { value: -0.0639, low: -0.1123, high: -0.0155 },
    oddsRatio: { value: 0.7702, low: 0.6309, high: 0.9402 },
    pValue: 0.0109,
    significant: true,
    dispersion: 1.31,
    degreesOfFreedom: 36.2,
    hours: 161,
    reason: null,
    alsoMarked: [],
    final: false,
  },
}

export const annotationsExample: AnnotationsAnswer = { ...asked, period: 'partial', annotations: [row], other: 0 }

export const annotationExample: AnnotationAnswer = {
  ...asked,
  from: '2025-12-22T14:05:00Z',
  to: '2026-02-16T14:05:00Z',
  period: 'partial',
  annotation: row,
}
