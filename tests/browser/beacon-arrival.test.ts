import { describe, expect, it } from 'vitest'
import { measureArrival } from '../support/beacon-arrival.ts'
import { browserNames, hasThisBrowser } from '../support/beacon-browser.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** A few of the steps of `npm run bench -- beacon`, which sends two thousand. */
const steps = 30

describe.each(browserNames)('in %s', (name) => {
  it.skipIf(!hasThisBrowser(name))(
    'every step arrives of pages that go at once',
    async () => {
      const { beacon, image } = await measureArrival(name, steps, await temporaryDirectory())
      expect(beacon).toEqual({ sent: steps, arrived: steps })
      // The pages go early enough to lose what does not outlive them: else this would prove nothing.
      expect(image.arrived).toBeLessThan(steps)
    },
    120_000,
  )
})
