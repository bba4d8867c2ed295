import { beforeAfter, isSignificant, type HourCount } from '../../domain/statistics/before-after.ts'
import type { Random } from './random.ts'

/** How journeys come and complete around a made-up release. */
export interface ReleaseShape {
  readonly journeysPerDay: number
  readonly daysBefore: number
  readonly daysAfter: number
  readonly completionRate: number
  /** Standard deviation of what a whole day has of its own, on the log odds. */
  readonly daySpread: number
  /** From one day to the next. */
  readonly dayCorrelation: number
  /** Standard deviation between hours of the week, on the log odds. */
  readonly hourSpread: number
  /** Change of the completion rate by the release. */
  readonly change: number
}

/** Everything drawn from what services may be like: 20 to 20,000 journeys a day, one day or four weeks after. */
export function anyRelease(random: Random): ReleaseShape {
  return {
    journeysPerDay: 20 * 1000 ** random.next(),
    daysBefore: 28,
    daysAfter: random.pick([1, 3, 7, 14, 28]),
    completionRate: 0.4 + 0.5 * random.next(),
    daySpread: random.pick([0, 0.05, 0.1, 0.2, 0.3]),
    dayCorrelation: random.pick([0, 0, 0.3, 0.5]),
    hourSpread: 0.4,
    change: 0,
  }
}

/** Journeys by hour, with the clock's hours busy by day and idle at night, and days quieter at the weekend. */
export function drawRelease(random: Random, shape: ReleaseShape): HourCount[] {
  const hours = Array.from({ length: 168 }, () => shape.hourSpread * normal(random))
  const odds = Math.log(shape.completionRate / (1 - shape.completionRate))
  const rateAfter = shape.completionRate + shape.change
  const shift = Math.log(rateAfter / (1 - rateAfter)) - odds
  const releasedAt = random.whole(0, 23)
  const weekday = random.whole(0, 6)
  const counts: HourCount[] = []
  let effect = normal(random)
  for (let hour = 0; hour < (shape.daysBefore + shape.daysAfter) * 24; hour += 1) {
    const clock = hour + releasedAt
    const day = Math.floor(clock / 24)
    if (hour > 0 && clock % 24 === 0)
      effect = shape.dayCorrelation * effect + Math.sqrt(1 - shape.dayCorrelation ** 2) * normal(random)
    const ofWeek = (clock + weekday * 24) % 168
    const after = hour >= shape.daysBefore * 24
    const busy = (1 - 0.9 * Math.cos((2 * Math.PI * ((clock % 24) - 2)) / 24)) * (ofWeek >= 120 ? 0.6 : 1.16)
    const started = poisson(random, ((shape.journeysPerDay / 24) * busy * Math.exp(0.15 * normal(random))) / 1.01)
    const rate = 1 / (1 + Math.exp(-(odds + (hours[ofWeek] ?? 0) + shape.daySpread * effect + (after ? shift : 0))))
    let completed = 0
    for (let journey = 0; journey < started; journey += 1) if (random.chance(rate)) completed += 1
    if (started > 0) counts.push({ after, day, hour: ofWeek, started, completed })
  }
  return counts
}

export interface Called {
  readonly significant: number
  readonly drops: number
  readonly notComparable: number
}

/** How many of so many releases are called significant, and how many of those drops. */
export function callReleases(random: Random, releases: number, shape: (random: Random) => ReleaseShape): Called {
  let [significant, drops, notComparable] = [0, 0, 0]
  for (let release = 0; release < releases; release += 1) {
    const result = beforeAfter(drawRelease(random, shape(random)))
    if (typeof result === 'string') notComparable += 1
    else if (isSignificant(result)) {
      significant += 1
      if (result.difference.value < 0) drops += 1
    }
  }
  return { significant, drops, notComparable }
}

/** Box and Muller 1958. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

function poisson(random: Random, mean: number): number {
  if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)))
  let count = 0
  for (let product = random.next(); product > Math.exp(-mean); product *= random.next()) count += 1
  return count
}
