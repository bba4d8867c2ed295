import { seededRandom } from '../../domain/random.ts'
import { anyRelease, callReleases, type ReleaseShape } from '../support/releases.ts'

const releases = 1_000
const powerReleases = 200

/** What a share is out of so many, with three digits. */
const share = (part: number, whole: number): number => Number((part / whole).toFixed(3))

const drop: Omit<ReleaseShape, 'journeysPerDay' | 'change' | 'daysAfter'> = {
  daysBefore: 28,
  completionRate: 0.75,
  daySpread: 0.1,
  dayCorrelation: 0.3,
  hourSpread: 0.4,
}

/**
 * Releases that change nothing, and how many are called significant (the goal: at most 5 %), over every kind of service and by
 * what may mislead; and releases that cost completion, and how many of those are found.
 */
export async function annotations(): Promise<unknown> {
  const random = seededRandom(20261124)
  const nulls = (fixed: Partial<ReleaseShape>): number => {
    const { significant, notComparable } = callReleases(random, releases, (any) => ({ ...anyRelease(any), ...fixed }))
    return share(significant, releases - notComparable)
  }
  const found = (journeysPerDay: number, change: number, daysAfter: number): number =>
    share(
      callReleases(random, powerReleases, () => ({ ...drop, journeysPerDay, change, daysAfter })).drops,
      powerReleases,
    )
  const sizes = [200, 2_000, 20_000]
  return {
    releases,
    falsePositives: {
      goal: 0.05,
      all: nulls({}),
      small: nulls({ journeysPerDay: 20 }),
      large: nulls({ journeysPerDay: 5_000 }),
      oneDayAfter: nulls({ daysAfter: 1 }),
      fourWeeksAfter: nulls({ daysAfter: 28 }),
      noDayEffects: nulls({ daySpread: 0 }),
      strongDayEffects: nulls({ daySpread: 0.3, dayCorrelation: 0 }),
      alikeDays: nulls({ daySpread: 0.2, dayCorrelation: 0.5 }),
    },
    power: sizes.flatMap((journeysPerDay) =>
      [3, 7, 28].flatMap((daysAfter) =>
        [-0.02, -0.05, -0.1].map((change) => ({
          journeysPerDay,
          daysAfter,
          change,
          found: found(journeysPerDay, change, daysAfter),
        })),
      ),
    ),
  }
}
