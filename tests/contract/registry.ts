import { describe, expect, it } from 'vitest'
import type { Clock } from '../../domain/ports/clock.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import { serviceInput, type Service, type ServiceInput } from '../../domain/service.ts'

export const adminKey = 'admin-key-of-the-contract-suite'

/** What every registry does, whatever keeps it. `open` gives an empty one each time. */
export function registryContract(name: string, open: (options: { clock: Clock }) => Promise<Registry>): void {
  describe(`${name}: services`, () => {
    it('has none at first', async () => {
      const { registry } = await opened(open)
      expect(await registry.service('fishing')).toBeUndefined()
      expect(await registry.services()).toEqual([])
      expect(await registry.serviceVersion('fishing', 1)).toBeUndefined()
      expect([...(await registry.stepNames('fishing'))]).toEqual([])
      expect(await registry.deleteService('fishing')).toBe(false)
    })

    it('keeps a definition as it was given, as version 1', async () => {
      const { registry, clock } = await opened(open)
      const input = definition({ department: 'environment', dimensions: ['licence'] })
      const service = await registry.putService('fishing', input)
      expect(service).toEqual({
        ...input,
        id: 'fishing',
        version: 1,
        createdAt: new Date(clock.now()).toISOString(),
        sample: false,
        deleted: false,
      })
      expect(await registry.service('fishing')).toEqual(service)
      expect(await registry.serviceVersion('fishing', 1)).toEqual(service)
    })

    it('makes a new version of a changed funnel, and keeps the old one', async () => {
      const { registry, clock } = await opened(open)
      await registry.putService('fishing', definition({ funnel: { steps: ['start', 'pay', 'done'] } }))
      clock.advance(1000)
      const second = await registry.putService('fishing', definition({ funnel: { steps: ['start', 'done'] } }))
      expect(second.version).toBe(2)
      expect(second.createdAt).toBe(new Date(clock.now()).toISOString())
      expect((await registry.serviceVersion('fishing', 1))?.funnel.steps).toEqual(['start', 'pay', 'done'])
      expect((await registry.serviceVersion('fishing', 2))?.funnel.steps).toEqual(['start', 'done'])
      expect(await registry.serviceVersion('fishing', 3)).toBeUndefined()
    })

    it.each<[string, ServiceInput['funnel']]>([
      ['the window', { steps: ['start', 'pay', 'done'], window: 'P8D' }],
      ['the order', { steps: ['start', 'pay', 'done'], order: 'strict' }],
      ['an optional step', { steps: ['start', { step: 'pay', optional: true }, 'done'] }],
      ['a bound between steps', { steps: ['start', { step: 'pay', within: 'PT1H' }, 'done'] }],
      ['another name of a step', { steps: ['start', { anyOf: ['pay', 'pay-bank'] }, 'done'] }],
      ['an exclusion', { steps: ['start', 'pay', 'done'], exclude: [{ step: 'stop' }] }],
    ])('takes a change of %s for a changed funnel', async (_, funnel) => {
      const { registry } = await opened(open)
      await registry.putService('fishing', definition({ funnel: { steps: ['start', 'pay', 'done'] } }))
      expect((await registry.putService('fishing', definition({ funnel }))).version).toBe(2)
    })

    it.each<[string, Partial<ServiceInput>]>([
      ['the same again', {}],
      ['another name of the service', { name: 'Fish' }],
      ['a label of a step', { funnel: { steps: [{ step: 'start', name: 'Begin' }, 'done'] } }],
      ['a default written out', { funnel: { steps: ['start', 'done'], order: 'ordered', window: 'P1W' } }],
      ['origins', { origins: ['https://fishing.example'] }],
    ])('keeps version and createdAt over %s', async (_, change) => {
      const { registry, clock } = await opened(open)
      const first = await registry.putService('fishing', definition({ funnel: { steps: ['start', 'done'] } }))
      clock.advance(1000)
      const input = definition({ funnel: { steps: ['start', 'done'] }, ...change })
      const second = await registry.putService('fishing', input)
      expect(second).toMatchObject({ ...input, version: 1, createdAt: first.createdAt })
      expect(await registry.serviceVersion('fishing', 1)).toEqual(second)
    })

    it('knows the step names of every version, those of exclusions too', async () => {
      const { registry } = await opened(open)
      await registry.putService('fishing', definition({ funnel: { steps: ['start', { anyOf: ['card', 'bank'] }] } }))
      await registry.putService(
        'fishing',
        definition({ funnel: { steps: ['begin', 'done'], exclude: [{ step: 'stop' }] } }),
      )
      expect([...(await registry.stepNames('fishing'))].sort()).toEqual([
        'bank',
        'begin',
        'card',
        'done',
        'start',
        'stop',
      ])
    })

    it('hides what was deleted, and goes on with its versions when it is put again', async () => {
      const { registry } = await opened(open)
      await registry.putService('fishing', definition({ funnel: { steps: ['start', 'done'] } }))
      expect(await registry.deleteService('fishing')).toBe(true)
      expect(await registry.service('fishing')).toBeUndefined()
      expect(await registry.services()).toEqual([])
      expect((await registry.serviceVersion('fishing', 1))?.funnel.steps).toEqual(['start', 'done'])
      expect(await registry.deleteService('fishing')).toBe(false)

      const same = await registry.putService('fishing', definition({ funnel: { steps: ['start', 'done'] } }))
      expect(same).toMatchObject({ version: 1, deleted: false })
      await registry.deleteService('fishing')
      const other = await registry.putService('fishing', definition({ funnel: { steps: ['start', 'end'] } }))
      expect(other.version).toBe(2)
    })

    it('lists by id, all or of one department', async () => {
      const { registry } = await opened(open)
      await registry.putService('visas', definition({ department: 'home' }))
      await registry.putService('fishing', definition({ department: 'environment' }))
      await registry.putService('tolls', definition({}))
      const ids = (services: readonly Service[]) => services.map(({ id }) => id)
      expect(ids(await registry.services())).toEqual(['fishing', 'tolls', 'visas'])
      expect(ids(await registry.services({ department: 'home' }))).toEqual(['visas'])
      expect(ids(await registry.services({ department: 'none' }))).toEqual([])
    })

    it('marks samples, and keeps the mark', async () => {
      const { registry } = await opened(open)
      expect((await registry.putService('made-up', definition({}), { sample: true })).sample).toBe(true)
      expect((await registry.putService('made-up', definition({ name: 'Other' }))).sample).toBe(true)
      expect((await registry.putService('real', definition({}))).sample).toBe(false)
    })

    it('makes a public key once, shows it while it is wanted, and makes another after that', async () => {
      const { registry } = await opened(open)
      const first = await registry.putService('fishing', definition({ publicKey: true }))
      expect(first.key).toMatch(/^\S{16,}$/)
      const again = await registry.putService('fishing', definition({ publicKey: true, name: 'Fish' }))
      expect(again.key).toBe(first.key)
      expect(await registry.putService('fishing', definition({ publicKey: false }))).not.toHaveProperty('key')
      const later = await registry.putService('fishing', definition({ publicKey: true }))
      expect(later.key).toMatch(/^\S{16,}$/)
      expect(later.key).not.toBe(first.key)
    })

    it('lets the last of several PUTs at once win, each changed funnel a version of its own', async () => {
      const { registry } = await opened(open)
      const put = await Promise.all(
        [1, 2, 3, 4, 5].map((n) =>
          registry.putService('fishing', definition({ funnel: { steps: ['start', `step-${n}`] } })),
        ),
      )
      expect(put.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5])
      expect((await registry.service('fishing'))?.funnel.steps).toEqual(['start', 'step-5'])
    })

    it('tells listeners of every PUT, until they go', async () => {
      const { registry } = await opened(open)
      const heard: string[] = []
      const stop = registry.onPut(({ id, version }) => heard.push(`${id} ${version}`))
      await registry.putService('fishing', definition({ funnel: { steps: ['start', 'done'] } }))
      await registry.putService('fishing', definition({ funnel: { steps: ['start', 'end'] } }))
      await registry.deleteService('fishing')
      stop()
      await registry.putService('fishing', definition({}))
      expect(heard).toEqual(['fishing 1', 'fishing 2'])
    })
  })

  describe(`${name}: keys`, () => {
    it('finds a key by its secret only, and lists it without', async () => {
      const { registry, clock } = await opened(open)
      const { key, secret } = await registry.createKey({ name: 'Fishing', scopes: ['read'], service: 'fishing' })
      expect(secret).toMatch(/^wmk_[A-Za-z0-9_-]{32,}$/)
      expect(key).toEqual({
        id: key.id,
        name: 'Fishing',
        prefix: secret.slice(0, key.prefix.length),
        scopes: ['read'],
        service: 'fishing',
        createdAt: new Date(clock.now()).toISOString(),
      })
      expect(key.prefix.length).toBeLessThan(secret.length - 24)
      expect(await registry.keyBySecret(secret)).toEqual(key)
      expect(await registry.keys()).toEqual([key])
      expect(JSON.stringify(await registry.keys())).not.toContain(secret)
    })

    it.each([
      ['nothing', () => ''],
      ['its prefix', (secret: string) => secret.slice(0, 12)],
      ['one character less', (secret: string) => secret.slice(0, -1)],
      ['one character more', (secret: string) => `${secret}a`],
      ['another last character', (secret: string) => secret.slice(0, -1) + (secret.endsWith('A') ? 'E' : 'A')],
      ['another case', (secret: string) => secret.toUpperCase()],
      ['a name of an object', () => '__proto__'],
    ])('does not take %s for the secret', async (_, change) => {
      const { registry } = await opened(open)
      const { secret } = await registry.createKey({ name: 'Any', scopes: ['read'] })
      expect(await registry.keyBySecret(change(secret))).toBeUndefined()
    })

    it('forgets a revoked key at once, and no other', async () => {
      const { registry } = await opened(open)
      const one = await registry.createKey({ name: 'One', scopes: ['ingest'] })
      const two = await registry.createKey({ name: 'Two', scopes: ['read', 'admin'], department: 'home' })
      expect(await registry.deleteKey(one.key.id)).toBe(true)
      expect(await registry.deleteKey(one.key.id)).toBe(false)
      expect(await registry.keyBySecret(one.secret)).toBeUndefined()
      expect(await registry.keyBySecret(two.secret)).toEqual(two.key)
      expect(await registry.keys()).toEqual([two.key])
    })

    it('takes the key of the installation for every scope, unlisted', async () => {
      const { registry } = await opened(open)
      const admin = await registry.keyBySecret(adminKey)
      expect([...(admin?.scopes ?? [])].sort()).toEqual(['admin', 'ingest', 'read'])
      expect(admin).not.toHaveProperty('service')
      expect(admin).not.toHaveProperty('department')
      expect(await registry.keys()).toEqual([])
      expect(await registry.deleteKey(admin?.id ?? '')).toBe(false)
      expect(await registry.keyBySecret(adminKey)).toEqual(admin)
    })
  })
}

export function definition(change: Partial<ServiceInput>): ServiceInput {
  return { ...serviceInput.parse({ name: 'Renew a fishing licence', funnel: { steps: ['start', 'done'] } }), ...change }
}

async function opened(open: (options: { clock: Clock }) => Promise<Registry>) {
  const clock = movableClock(Date.UTC(2026, 0, 5, 12))
  return { registry: await open({ clock }), clock }
}

export function movableClock(start: number): Clock & { advance(ms: number): void } {
  let now = start
  return { now: () => now, advance: (ms) => void (now += ms) }
}
