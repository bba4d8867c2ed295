import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createKnownNames } from './known-names.ts'

const limits = { foreignStepsMax: 3, foreignStepUnseenMs: 100, dimensionValuesMax: 2 }

describe('known names', () => {
  it('begin with what the store has seen, and count no name of the funnel', () => {
    const known = createKnownNames({
      clock: { now: () => 1_000 },
      limits,
      seen: {
        steps: [
          { service: 's', step: 'a', lastSeen: 950 },
          { service: 's', step: 'a', lastSeen: 20 },
          { service: 's', step: 'gone', lastSeen: 899 },
          { service: 's', step: 'start', lastSeen: 999 },
        ],
        values: [
          { service: 's', dimension: 'd', value: 'x' },
          { service: 's', dimension: 'd', value: 'y' },
        ],
      },
    })
    const names = known.of('s')
    const funnel = new Set(['start'])
    expect(names.seesStep('a')).toBe(true)
    expect(names.seesStep('gone')).toBe(false)
    expect(names.addStep('b', funnel)).toBe(true)
    expect(names.addStep('c', funnel)).toBe(true)
    expect(names.addStep('d', funnel)).toBe(false)
    expect(names.seesValue('d', 'x')).toBe(true)
    expect(names.addValue('d', 'z')).toBe(false)
    expect(names.addValue('e', 'z')).toBe(true)
  })

  it('are never more than the limit among those seen lately, and never refuse while there is room', () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('use' as const), name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f') }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 120 }) }),
      fc.record({ kind: fc.constant('join' as const), name: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ kind: fc.constant('takeBack' as const), name: fc.constantFrom('a', 'b', 'c', 'd') }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        let now = 0
        const names = createKnownNames({ clock: { now: () => now }, limits }).of('s')
        const funnel = new Set<string>()
        // The plain way: every name with its time, looked through every time.
        const model = new Map<string, number>()
        for (const one of actions) {
          if (one.kind === 'wait') now += one.ms
          else if (one.kind === 'join') funnel.add(one.name)
          else if (one.kind === 'takeBack') {
            if (model.delete(one.name)) names.removeStep(one.name)
          } else if (!funnel.has(one.name)) {
            for (const [name, at] of model)
              if (now - at > limits.foreignStepUnseenMs || funnel.has(name)) model.delete(name)
            const admitted = model.has(one.name) || model.size < limits.foreignStepsMax
            if (admitted) model.set(one.name, now)
            expect(names.seesStep(one.name) || names.addStep(one.name, funnel)).toBe(admitted)
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})
