import { describe, expect, it } from 'vitest'
import { createLateQueue } from './late-queue.ts'

const journeys = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => BigInt(from + index))

describe('the queue of journeys without a verdict', () => {
  it('takes services in turns, a piece of each', () => {
    const queue = createLateQueue()
    queue.add('renew', journeys(0, 1_500))
    queue.add('apply', [7n])
    queue.add('renew', journeys(1_500, 1_600))
    expect(queue.size()).toBe(1_601)
    expect(queue.take()).toEqual({ service: 'renew', journeys: journeys(0, 1_000) })
    expect(queue.take()).toEqual({ service: 'renew', journeys: journeys(1_000, 1_600) })
    expect(queue.take()).toEqual({ service: 'apply', journeys: [7n] })
    expect(queue.take()).toBeUndefined()
    expect(queue.size()).toBe(0)
  })

  it('takes a journey once that was asked for twice', () => {
    const queue = createLateQueue()
    queue.add('renew', [1n, 2n])
    queue.add('renew', [2n])
    expect(queue.take()).toEqual({ service: 'renew', journeys: [1n, 2n] })
  })

  it('puts halves behind all others', () => {
    const queue = createLateQueue()
    queue.add('renew', [1n, 2n, 3n])
    const late = queue.take()
    queue.add('apply', [7n])
    if (late !== undefined) queue.halve(late)
    expect([queue.take(), queue.take(), queue.take()]).toEqual([
      { service: 'apply', journeys: [7n] },
      { service: 'renew', journeys: [1n, 2n] },
      { service: 'renew', journeys: [3n] },
    ])
  })

  it('holds so many and no more', () => {
    const queue = createLateQueue()
    queue.add('renew', journeys(0, 600_000))
    expect(queue.size()).toBe(500_000)
  })
})
