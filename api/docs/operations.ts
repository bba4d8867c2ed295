import { z } from 'zod'
import type { Operation } from '../operation.ts'

export const docsOperations: readonly Operation[] = [
  {
    id: 'getOpenApi',
    method: 'get',
    path: '/openapi.json',
    tag: 'This reference',
    summary: 'The OpenAPI document',
    scope: null,
    answers: [
      {
        status: 200,
        description: 'OpenAPI 3.1 of every call',
        content: {
          'application/json': { schema: z.looseObject({ openapi: z.string() }), example: { openapi: '3.1.1' } },
        },
      },
    ],
    problems: [],
  },
  {
    id: 'getDocs',
    method: 'get',
    path: '/docs',
    tag: 'This reference',
    summary: 'This page',
    scope: null,
    answers: [
      { status: 200, description: 'The reference, to read and to try', content: { 'text/html': { schema: null } } },
    ],
    problems: [],
  },
]
