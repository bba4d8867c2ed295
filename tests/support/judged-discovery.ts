import { normaliseFunnel, type FunnelInput } from '../../domain/service.ts'
import { pagesOf, type GeneratedService } from './generated-services.ts'

/** Fewer journeys with a page than this, and its absence from a suggestion is no fault: they are too few to tell it from noise. */
export const seenMin = 10

export const judgementKinds = [
  'found',
  'steps',
  'order',
  'mandatory',
  'optional',
  'branches',
  'grouped',
  'clean',
  'ends',
] as const

/** What of a known funnel a suggestion got right. */
export interface Judgement {
  /** Every step that everybody needs is there, alone at its position. */
  readonly steps: boolean
  /** Every pair of pages of which one comes before the other stands so. */
  readonly order: boolean
  /** Steps that everybody needs are not optional. */
  readonly mandatory: boolean
  /** Optional pages are there and optional, as are pages of a branch that do not stand together with the others. */
  readonly optional: boolean
  /** The pages of every branch are there: the first of each way at one position, or each optional at its own. */
  readonly branches: boolean
  /** The first page of every way of every branch is at one position. */
  readonly grouped: boolean
  /** Nothing is in it that is no part of the funnel. */
  readonly clean: boolean
  /** Begins and ends where the funnel does. */
  readonly ends: boolean
  /** All of these but `grouped`. */
  readonly found: boolean
  readonly faults: readonly string[]
}

export function judged(service: GeneratedService, suggestion: FunnelInput | null): Judgement {
  const faults: string[] = []
  const positions = suggestion === null ? [] : normaliseFunnel(suggestion).positions
  const at = new Map(positions.flatMap(({ names }, index) => names.map((name) => [name, index] as const)))
  const seen = (page: string) => service.journeys.filter(({ steps }) => steps.some(({ step }) => step === page)).length
  const fault = (kind: string, detail: string) => void faults.push(`${kind}: ${detail}`)
  const { blocks, foreign } = service.truth
  let grouped = true
  for (const block of blocks) {
    for (const page of pagesOf(block))
      if (!at.has(page) && (block.kind === 'step' || seen(page) >= seenMin))
        fault(block.kind === 'branch' ? 'branches' : block.kind === 'step' ? 'steps' : 'optional', `${page} is missing`)
    if (block.kind === 'step') {
      const position = positions[at.get(block.page) ?? -1]
      if (position !== undefined && position.names.length > 1) fault('steps', `${block.page} is not alone`)
      if (position?.optional === true) fault('mandatory', `${block.page} is optional`)
    } else if (block.kind === 'optional') {
      const position = positions[at.get(block.page) ?? -1]
      if (position !== undefined && !position.optional) fault('optional', `${block.page} is mandatory`)
    } else {
      const firsts = block.ways.flatMap(([page = '']) => (at.has(page) ? [page] : []))
      if (new Set(firsts.map((page) => at.get(page))).size > 1) grouped = false
      for (const page of pagesOf(block)) {
        const position = positions[at.get(page) ?? -1]
        if (position === undefined || position.optional) continue
        // Nobody may be made to take a way: a position that all must pass needs a page of every way.
        const ways = block.ways.filter((way) =>
          way.some((other) => position.names.includes(other) || !isSeen(seen, way)),
        )
        if (ways.length < block.ways.length || block.skip > 0) fault('branches', `${page} is mandatory`)
      }
    }
  }
  for (const [earlier, later] of precedences(service)) {
    const one = at.get(earlier)
    const other = at.get(later)
    if (one !== undefined && other !== undefined && one >= other) fault('order', `${later} before ${earlier}`)
  }
  for (const page of foreign) if (at.has(page)) fault('clean', `${page} is in it`)
  const ends = [blocks[0], blocks.at(-1)].map((block) => (block === undefined ? '' : (pagesOf(block)[0] ?? '')))
  if (at.get(ends[0] ?? '') !== 0 || at.get(ends[1] ?? '') !== positions.length - 1) fault('ends', 'another page')
  const free = (kind: string) => !faults.some((text) => text.startsWith(`${kind}:`))
  return {
    steps: free('steps'),
    order: free('order'),
    mandatory: free('mandatory'),
    optional: free('optional'),
    branches: free('branches'),
    grouped: grouped && free('branches'),
    clean: free('clean'),
    ends: free('ends'),
    found: faults.length === 0,
    faults,
  }
}

function isSeen(seen: (page: string) => number, way: readonly string[]): boolean {
  return way.some((page) => seen(page) >= seenMin)
}

/** Pairs of pages of which the first comes before the second: of different blocks, and along a way. */
function precedences({ truth }: GeneratedService): (readonly [string, string])[] {
  const across = truth.blocks.flatMap((block, index) =>
    truth.blocks
      .slice(index + 1)
      .flatMap((later) => pagesOf(block).flatMap((one) => pagesOf(later).map((other) => [one, other] as const))),
  )
  const along = truth.blocks.flatMap((block) =>
    block.kind === 'branch'
      ? block.ways.flatMap((way) =>
          way.flatMap((one, index) => way.slice(index + 1).map((other) => [one, other] as const)),
        )
      : [],
  )
  return [...across, ...along]
}
