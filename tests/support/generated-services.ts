import { seededRandom, type Random } from '../../domain/random.ts'

/**
 * Services with a known funnel and their traffic, for discovery to find again. Everything is drawn from a seed.
 *
 * The service: 3 to 20 blocks. The first and the last are steps that everybody needs; of the others 3 in 5 are such steps, 1 in
 * 5 an optional page (used by 10 to 85 %), 1 in 5 a branch of 2 to 4 ways, of which each has 1 page (3 in 5 branches) or 1 to
 * 3 pages, weights drawn, none below 8 %, and 1 branch in 5 that 10 to 50 % pass by. From 4 blocks on at least one is a
 * branch, from 5 on at least one is optional. Optional pages and branches may stand side by side. Of services
 * with 4 blocks or more 3 in 10 have a dead end (`not-eligible`), where 5 to 20 % of those who pass its place stop and 15 % of
 * these come back; a quarter have a page after the end (`feedback`), seen by 3 to 15 % of those who finish. Half send `completed`
 * outcomes, of which 3 % are lost.
 *
 * The traffic: 200 to 5,000 journeys, log-uniform. At each page 0 to 12 % leave, at one or two pages 20 to 50 %. One journey in ten
 * begins at a block other than the first. After a page, 1 to 8 % (a service) go back to a page seen before; at the block
 * before the last 10 to 30 %. Then 7 in 10 go through the pages again, the others straight back to where they were; who
 * goes through again makes 15 % of the choices anew. One page in ten is shown again 1 to 3 times. One journey in
 * twenty saves, and comes back after 2 hours to 4 days: to the same page, by the first page, or by a page `sign-in`.
 *
 * The noise: each event with probability 0.1 is one of: gone; changed places with the next; moved in time by up to three
 * times the gap before the next; followed by a foreign page, after which half see the page once more. There are 2 to 4 foreign
 * pages; half of the visits to `cookies` come right after the first event.
 */
export interface GeneratedService {
  readonly truth: Truth
  readonly journeys: readonly GeneratedJourney[]
  readonly sendsOutcomes: boolean
}

export interface GeneratedJourney {
  /** By `at`. */
  readonly steps: readonly { readonly step: string; readonly at: number }[]
  /** ms of a `completed` outcome. */
  readonly completedAt: number | null
}

export type Block =
  | { readonly kind: 'step'; readonly page: string }
  | { readonly kind: 'optional'; readonly page: string; readonly use: number }
  | {
      readonly kind: 'branch'
      readonly ways: readonly (readonly string[])[]
      readonly weights: readonly number[]
      /** Share that takes none of the ways. */
      readonly skip: number
    }

export interface Truth {
  readonly blocks: readonly Block[]
  /** Pages that are no part of the funnel. */
  readonly foreign: readonly string[]
}

const foreignPages = ['help', 'cookies', 'privacy', 'accessibility'] as const

export interface GeneratorOptions {
  /** Probability that an event is hit. */
  readonly noise?: number
  readonly journeysMin?: number
  readonly journeysMax?: number
}

export function generatedService(seed: number, options: GeneratorOptions = {}): GeneratedService {
  const random = seededRandom(seed * 7919 + 17)
  const { noise = 0.1, journeysMin = 200, journeysMax = 5_000 } = options
  const blocks = drawnBlocks(random)
  const traits = drawnTraits(random, blocks, noise)
  const count = Math.round(journeysMin * (journeysMax / journeysMin) ** random.next())
  const journeys = Array.from({ length: count }, (_, index) => journey(random, blocks, traits, index * 60_000))
  return {
    truth: {
      blocks,
      foreign: [...traits.foreign, 'sign-in', 'not-eligible', 'feedback'],
    },
    journeys,
    sendsOutcomes: traits.outcomes,
  }
}

function drawnBlocks(random: Random): Block[] {
  const count = random.whole(3, 20)
  // Names say nothing of the order: hashes and sorting by name must not help.
  const names = shuffled(
    random,
    Array.from({ length: 200 }, (_, index) => `page-${index}`),
  )
  const page = () => names.pop() ?? ''
  const kinds = Array.from({ length: count }, (_, index) => {
    if (index === 0 || index === count - 1) return 'step'
    const draw = random.next()
    return draw < 0.6 ? 'step' : draw < 0.8 ? 'optional' : 'branch'
  })
  const inner = shuffled(
    random,
    Array.from({ length: count - 2 }, (_, index) => index + 1),
  )
  if (count >= 4 && !kinds.includes('branch')) kinds[inner[0] ?? 1] = 'branch'
  const free = inner.find((index) => kinds[index] === 'step')
  if (count >= 5 && !kinds.includes('optional') && free !== undefined) kinds[free] = 'optional'
  return kinds.map((kind): Block => {
    if (kind === 'step') return { kind, page: page() }
    if (kind === 'optional') return { kind, page: page(), use: between(random, 0.1, 0.85) }
    const long = !random.chance(0.6)
    const ways = Array.from({ length: random.whole(2, 4) }, () =>
      Array.from({ length: long ? random.whole(1, 3) : 1 }, page),
    )
    return {
      kind: 'branch',
      ways,
      weights: drawnWeights(random, ways.length),
      skip: random.chance(0.2) ? between(random, 0.1, 0.5) : 0,
    }
  })
}

function drawnWeights(random: Random, count: number): number[] {
  const least = 0.08
  const draws = Array.from({ length: count }, () => -Math.log(1 - random.next()))
  const sum = draws.reduce((all, draw) => all + draw, 0)
  return draws.map((draw) => least + (draw / sum) * (1 - least * count))
}

interface Traits {
  readonly noise: number
  readonly foreign: readonly [string, ...string[]]
  readonly leave: ReadonlyMap<string, number>
  readonly back: number
  readonly backAtCheck: number
  readonly deadEnd: { readonly after: number; readonly share: number } | null
  readonly feedback: number
  readonly outcomes: boolean
}

function drawnTraits(random: Random, blocks: readonly Block[], noise: number): Traits {
  const pages = blocks.flatMap(pagesOf)
  const leave = new Map(pages.map((page) => [page, between(random, 0, 0.12)]))
  for (let hard = random.whole(1, 2); hard > 0; hard -= 1)
    leave.set(pages[random.whole(0, pages.length - 2)] ?? '', between(random, 0.2, 0.5))
  const foreign = shuffled(random, [...foreignPages]).slice(0, random.whole(2, 4))
  return {
    noise,
    foreign: [foreign[0] ?? 'help', ...foreign.slice(1)],
    leave,
    back: between(random, 0.01, 0.08),
    backAtCheck: between(random, 0.1, 0.3),
    deadEnd:
      blocks.length >= 4 && random.chance(0.3)
        ? { after: random.whole(0, blocks.length - 3), share: between(random, 0.05, 0.2) }
        : null,
    feedback: random.chance(0.25) ? between(random, 0.03, 0.15) : 0,
    outcomes: random.chance(0.5),
  }
}

export function pagesOf(block: Block): readonly string[] {
  return block.kind === 'branch' ? block.ways.flat() : [block.page]
}

/** What one person sees, in order, before the noise. */
function walked(random: Random, blocks: readonly Block[], traits: Traits): { pages: string[]; finished: boolean } {
  let choices = blocks.map((block) => chosen(random, block))
  let block = random.chance(0.1) ? random.whole(1, blocks.length - 1) : 0
  let place = 0
  const seen: string[] = []
  let backs = 0
  while (block < blocks.length) {
    const page = choices[block]?.[place]
    if (page === undefined) {
      if (traits.deadEnd?.after === block && random.chance(traits.deadEnd.share)) {
        seen.push('not-eligible')
        if (!random.chance(0.15)) return { pages: seen, finished: false }
      }
      block += 1
      place = 0
      continue
    }
    seen.push(page)
    while (random.chance(0.1) && seen.at(-3) !== page) seen.push(page)
    if (block === blocks.length - 1) break
    if (random.chance(traits.leave.get(page) ?? 0)) return { pages: seen, finished: false }
    const back = block === blocks.length - 2 ? traits.backAtCheck : traits.back
    if (backs < 5 && block > 0 && random.chance(back)) {
      backs += 1
      const target = random.whole(0, block - 1)
      if (random.chance(0.7)) {
        choices = choices.map((choice, index) =>
          index >= target && random.chance(0.15) ? chosen(random, blocks[index]) : choice,
        )
        block = target
        place = 0
        continue
      }
      const corrected = choices[target]?.[0]
      if (corrected !== undefined) seen.push(corrected, page)
    }
    place += 1
  }
  if (random.chance(traits.feedback)) seen.push('feedback')
  return { pages: seen, finished: true }
}

function chosen(random: Random, block: Block | undefined): readonly string[] {
  if (block === undefined) return []
  if (block.kind === 'step') return [block.page]
  if (block.kind === 'optional') return random.chance(block.use) ? [block.page] : []
  if (random.chance(block.skip)) return []
  let draw = random.next()
  const way = block.weights.findIndex((weight) => (draw -= weight) < 0)
  return block.ways[way] ?? block.ways[0] ?? []
}

function journey(random: Random, blocks: readonly Block[], traits: Traits, begun: number): GeneratedJourney {
  const { pages, finished } = walked(random, blocks, traits)
  let at = 1_790_000_000_000 + begun
  const saves = random.chance(0.05) && pages.length > 1 ? random.whole(0, pages.length - 2) : -1
  const events: { step: string; at: number }[] = []
  for (const [index, step] of pages.entries()) {
    at += Math.round(1_000 + 40_000 * Math.exp(1.1 * normal(random)))
    events.push({ step, at })
    if (index !== saves) continue
    at += Math.round(between(random, 2, 96) * 3_600_000)
    const by = random.pick(['', 'sign-in', pages[0] ?? ''])
    if (by !== '') events.push({ step: by, at })
    at += Math.round(between(random, 1_000, 20_000))
    events.push({ step, at })
  }
  const completedAt = finished && traits.outcomes && !random.chance(0.03) ? at + random.whole(0, 1) * 500 : null
  return { steps: disturbed(random, events, traits), completedAt }
}

function disturbed(
  random: Random,
  events: readonly { step: string; at: number }[],
  { noise, foreign }: Traits,
): { step: string; at: number }[] {
  const result: { step: string; at: number }[] = []
  const times = events.map(({ at }) => at)
  const gap = (index: number) => (times[index + 1] ?? (times[index] ?? 0) + 30_000) - (times[index] ?? 0)
  for (const [index, { step }] of events.entries()) {
    const at = times[index] ?? 0
    if (!random.chance(noise)) {
      result.push({ step, at })
      continue
    }
    const kind = random.whole(0, 3)
    if (kind === 0) continue
    if (kind === 1) {
      const next = times[index + 1]
      if (next !== undefined) times[index + 1] = at
      result.push({ step, at: next ?? at })
    } else if (kind === 2) {
      result.push({ step, at: at + Math.round(between(random, -3, 3) * Math.min(gap(index), 300_000)) })
    } else {
      const stray = random.pick(foreign)
      const wait = Math.min(gap(index), 60_000)
      const from =
        stray === 'cookies' && random.chance(0.5) ? { step: events[0]?.step ?? step, at: times[0] ?? at } : { step, at }
      result.push({ step, at }, { step: stray, at: from.at + Math.round(wait / 3) })
      if (random.chance(0.5)) result.push({ step: from.step, at: from.at + Math.round((wait * 2) / 3) })
    }
  }
  return result.sort((a, b) => a.at - b.at)
}

function between(random: Random, low: number, high: number): number {
  return low + random.next() * (high - low)
}

/** Box and Muller 1958. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

function shuffled<Item>(random: Random, items: readonly Item[]): Item[] {
  const result = [...items]
  for (let index = result.length - 1; index > 0; index -= 1) {
    const other = random.whole(0, index)
    const [one, two] = [result[index], result[other]]
    if (one === undefined || two === undefined) continue
    result[index] = two
    result[other] = one
  }
  return result
}
