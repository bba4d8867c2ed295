import { seededRandom, type Random } from '../../domain/random.ts'
import type { StoredEvent } from '../../domain/stored-event.ts'
import { makeAttributes, makePaths, type Path } from './query-paths.ts'
import { pagesOf, type BenchService, type Shape } from './query-services.ts'
import { hex, identityOf } from './synthetic.ts'

/** People that are under way at once: at 10,000 events a second each sends one every 20 seconds. */
const underWay = 200_000
/** Of the people that begin, one in so many goes on with a journey of hours or days before. */
const returning = 7

export interface Traffic {
  /** The next so many events, at this moment, of people that are each somewhere on their way. */
  next(count: number, at: number): StoredEvent[]
}

interface Person {
  readonly service: string
  readonly journey: string
  readonly path: Path
  readonly dimensions: StoredEvent['dimensions']
  sent: number
}

/** @param known journeys (hex) by service that may come back */
export function createTraffic(
  services: readonly BenchService[],
  known: ReadonlyMap<string, readonly string[]>,
): Traffic {
  const random = seededRandom(17)
  const paths = new Map<Shape, Path[]>()
  for (const { shape } of services) if (!paths.has(shape)) paths.set(shape, makePaths(shape, pagesOf(shape)))
  const attributes = makeAttributes()

  function begin(): Person {
    const { id, shape } = byShare(services, random.next())
    const old = known.get(id) ?? []
    const comesBack = old.length > 0 && random.chance(1 / returning)
    return {
      service: id,
      journey: (comesBack ? old[random.whole(0, old.length - 1)] : undefined) ?? hex(random, 16),
      path: one(random, paths.get(shape) ?? []),
      dimensions: one(random, attributes),
      sent: 0,
    }
  }
  const people: Person[] = []

  return {
    next(count, at) {
      return Array.from({ length: count }, () => {
        const place = random.whole(0, underWay - 1)
        const person = (people[place] ??= begin())
        const event = person.path.events[person.sent++]
        if (event === undefined) throw new Error('a path has no event')
        if (person.sent === person.path.events.length) people[place] = begin()
        const { service, journey, dimensions } = person
        return { ...event, service, journey, identity: identityOf(random), at, channel: 'online', dimensions }
      })
    },
  }
}

function byShare(services: readonly BenchService[], draw: number): BenchService {
  let rest = draw
  for (const service of services) {
    rest -= service.share
    if (rest < 0) return service
  }
  return one(undefined, services)
}

function one<Item>(random: Random | undefined, items: readonly Item[]): Item {
  const item = items[random === undefined ? items.length - 1 : random.whole(0, items.length - 1)]
  if (item === undefined) throw new Error('one of none')
  return item
}
