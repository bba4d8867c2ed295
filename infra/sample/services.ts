import type { FunnelInput } from '../../domain/service.ts'

/** A made-up service: what it is, and how people fare in it. Every name and figure is invented. */
export interface SampleService {
  readonly id: string
  readonly name: string
  readonly department: string
  readonly owner: string
  readonly funnel: FunnelInput
  readonly target: number
  /** Journeys that start on a weekday; two fifths of it at a weekend. */
  readonly journeysADay: number
  /** Share of those at each step who go on to the next; one fewer than steps. */
  readonly goOn: readonly number[]
  /** Step at which a form error is common, its field and code, and how much it costs. */
  readonly stumble?: { readonly step: string; readonly field: string; readonly code: string; readonly share: number }
  /** Share that ends as not eligible at the second step. */
  readonly ineligible?: number
  /** Share that saves and comes back days later. */
  readonly returns?: number
}

export const sampleTimeZone = 'Europe/London'

export const sampleServices: readonly SampleService[] = [
  {
    id: 'sample-apply-for-a-parking-permit',
    name: 'Apply for a parking permit',
    department: 'sample-transport',
    owner: 'Streets team',
    funnel: { steps: ['start', 'address', 'vehicle', 'upload-proof', 'check-answers', 'pay', 'done'], window: 'P3D' },
    target: 0.8,
    journeysADay: 60,
    goOn: [0.94, 0.93, 0.9, 0.55, 0.95, 0.9],
    stumble: { step: 'upload-proof', field: 'proof', code: 'file-type', share: 0.4 },
    returns: 0.05,
  },
  {
    id: 'sample-renew-a-library-card',
    name: 'Renew a library card',
    department: 'sample-culture',
    owner: 'Libraries team',
    funnel: { steps: ['start', 'card-number', 'confirm', 'done'], window: 'P1D' },
    target: 0.9,
    journeysADay: 45,
    goOn: [0.96, 0.95, 0.98],
  },
  {
    id: 'sample-report-a-missed-bin',
    name: 'Report a missed bin',
    department: 'sample-environment',
    owner: 'Waste team',
    funnel: { steps: ['start', 'address', 'which-bin', 'done'], window: 'P1D' },
    target: 0.9,
    journeysADay: 70,
    goOn: [0.93, 0.95, 0.97],
    ineligible: 0.12,
  },
  {
    id: 'sample-book-a-bulky-collection',
    name: 'Book a bulky collection',
    department: 'sample-environment',
    owner: 'Waste team',
    funnel: {
      steps: ['start', 'address', 'items', { step: 'photos', optional: true }, 'date', 'pay', 'done'],
      window: 'P2D',
    },
    target: 0.8,
    journeysADay: 30,
    goOn: [0.93, 0.94, 0.9, 0.97, 0.9, 0.93],
    stumble: { step: 'date', field: 'date', code: 'none-free', share: 0.15 },
  },
  {
    id: 'sample-apply-for-free-school-meals',
    name: 'Apply for free school meals',
    department: 'sample-education',
    owner: 'Schools team',
    funnel: {
      steps: ['start', 'child', 'income', 'national-number', 'check-answers', 'done'],
      window: 'P7D',
      exclude: [{ step: 'withdrawn' }],
    },
    target: 0.85,
    journeysADay: 35,
    goOn: [0.95, 0.9, 0.86, 0.93, 0.97],
    stumble: { step: 'national-number', field: 'national-number', code: 'format', share: 0.25 },
    ineligible: 0.15,
    returns: 0.12,
  },
  {
    id: 'sample-register-to-volunteer',
    name: 'Register to volunteer',
    department: 'sample-culture',
    owner: 'Communities team',
    funnel: { steps: ['start', 'about-you', 'interests', 'references', 'done'], window: 'P14D' },
    target: 0.7,
    journeysADay: 12,
    goOn: [0.93, 0.9, 0.82, 0.9],
    returns: 0.25,
  },
  {
    id: 'sample-pay-a-parking-fine',
    name: 'Pay a parking fine',
    department: 'sample-transport',
    owner: 'Streets team',
    funnel: { steps: ['start', 'notice', { anyOf: ['pay-card', 'pay-bank'], name: 'Pay' }, 'done'], window: 'P1D' },
    target: 0.9,
    journeysADay: 80,
    goOn: [0.97, 0.95, 0.96],
  },
  {
    id: 'sample-tell-us-you-moved',
    name: 'Tell us you moved',
    department: 'sample-revenue',
    owner: 'Council tax team',
    funnel: { steps: ['start', 'old-address', 'new-address', 'people', 'check-answers', 'done'], window: 'P5D' },
    target: 0.85,
    journeysADay: 50,
    goOn: [0.96, 0.95, 0.92, 0.95, 0.97],
  },
  {
    id: 'sample-apply-for-a-street-party',
    name: 'Apply for a street party',
    department: 'sample-culture',
    owner: 'Events team',
    funnel: { steps: ['start', 'street', 'neighbours', 'insurance', 'done'], window: 'P14D' },
    target: 0.6,
    journeysADay: 4,
    goOn: [0.9, 0.85, 0.75, 0.85],
    returns: 0.3,
  },
  {
    id: 'sample-appeal-a-decision',
    name: 'Appeal a decision',
    department: 'sample-revenue',
    owner: 'Appeals team',
    funnel: { steps: ['start', 'decision', 'reasons', 'evidence', 'check-answers', 'done'], window: 'P14D' },
    target: 0.7,
    journeysADay: 10,
    goOn: [0.94, 0.93, 0.85, 0.9, 0.95],
    returns: 0.2,
  },
  {
    id: 'sample-order-a-garden-bin',
    name: 'Order a garden bin',
    department: 'sample-environment',
    owner: 'Waste team',
    funnel: { steps: ['start', 'address', 'how-many', 'pay', 'done'], window: 'P2D' },
    target: 0.85,
    journeysADay: 25,
    goOn: [0.95, 0.96, 0.9, 0.95],
  },
  {
    id: 'sample-register-a-birth-appointment',
    name: 'Book a birth registration',
    department: 'sample-registrars',
    owner: 'Registrars team',
    funnel: { steps: ['start', 'office', 'time', 'your-details', 'done'], window: 'P2D' },
    target: 0.9,
    journeysADay: 20,
    goOn: [0.97, 0.92, 0.95, 0.98],
  },
]
