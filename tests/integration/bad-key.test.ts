import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWhole, type Whole } from '../support/whole.ts'

let whole: Whole

beforeAll(async () => {
  whole = await openWhole()
})

afterAll(() => whole.close())

describe('a bad Authorization', () => {
  it.each([
    ['GET', '/healthz', 200],
    ['GET', '/readyz', 200],
    ['GET', '/metrics', 200],
    ['GET', '/', 200],
    ['GET', '/docs', 200],
    ['GET', '/openapi.json', 200],
    ['GET', '/nowhere', 404],
    ['GET', '/v1/status', 200],
    ['GET', '/v1/nowhere', 404],
    ['GET', '/v1/events', 405],
    ['OPTIONS', '/v1/events', 204],
    ['PUT', '/v1/services', 405],
  ])('is 401 at %s %s, where the owner gets %d', async (method, path, status) => {
    expect((await whole.request(method, path)).status).toBe(status)
    for (const authorization of ['Bearer nobody', 'Basic am86c2VjcmV0', '']) {
      const answer = await whole.request(method, path, undefined, { authorization })
      expect([answer.status, JSON.parse(answer.text)]).toEqual([401, expect.objectContaining({ code: 'bad-key' })])
    }
  })
})
