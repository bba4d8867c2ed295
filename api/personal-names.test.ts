import { expect, it } from 'vitest'
import { apiUnderTest } from '../tests/support/api.ts'
import { serviceInputExample } from './examples.ts'

const path = '/v1/services/fishing'

it.each([
  ['a step', { steps: ['start', 'jo.bloggs@example.com'] }, 'funnel.steps[1]'],
  ['a step with a label', { steps: ['start', { step: '07700900123', name: 'Done' }] }, 'funnel.steps[1].step'],
  [
    'one of several',
    { steps: ['start', { anyOf: ['card', 'GB82 WEST 1234 5698 7654 32'] }] },
    'funnel.steps[1].anyOf[1]',
  ],
  ['an excluded step', { steps: ['a', 'b'], exclude: [{ step: 'apply?name=jo' }] }, 'funnel.exclude[0].step'],
])('refuses a service with personal data in the name of %s', async (_, funnel, at) => {
  const api = apiUnderTest()
  const response = await api.request(path, { method: 'PUT', body: { ...serviceInputExample, funnel } })
  const body = await response.text()
  expect(JSON.parse(body)).toMatchObject({ status: 400, code: 'personal-data', path: at })
  expect(body).not.toContain('bloggs')
  expect(await api.registry.service('fishing')).toBeUndefined()
})

it('says nothing of a change to who may not make it', async () => {
  const api = apiUnderTest()
  const body = { ...serviceInputExample, department: 'environment' }
  expect((await api.request(path, { method: 'PUT', body })).status).toBe(201)
  const secret = await api.newSecret({ scopes: ['admin'], department: 'home' })
  for (const change of [{ name: 7 }, { ...body, department: 'home' }]) {
    const response = await api.request(path, { method: 'PUT', body: change, secret })
    expect(await response.json()).toMatchObject({ status: 403, code: 'scope-missing' })
  }
})
