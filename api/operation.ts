import type { z } from 'zod'
import type { Scope } from '../domain/key.ts'
import type { ProblemCode } from '../domain/problems.ts'

/** A call as the documentation says it: `/openapi.json` and `/docs` are made of these, whichever room serves them. */
export interface Operation {
  /** `operationId`, and the anchor in `/docs`. */
  readonly id: string
  readonly method: 'get' | 'put' | 'post' | 'delete'
  /** As in OpenAPI: `/v1/services/{id}`. */
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly description?: string
  /** What the key needs; null: no key is needed. */
  readonly scope: Scope | null
  /** What a key needs that is sent though none is needed. */
  readonly optionalScope?: Scope
  /** By the names in `path`. */
  readonly pathParameters?: Readonly<Record<string, Parameter>>
  readonly query?: Readonly<Record<string, Parameter>>
  readonly body?: Body
  readonly answers: readonly Answer[]
  /** Problems of its own; `bad-key`, `scope-missing` and `internal` come by themselves. */
  readonly problems: readonly ProblemCode[]
  /** It answers with no problem document whatever comes. */
  readonly neverRefuses?: true
}

export interface Parameter {
  readonly description: string
  /** As text: what stands in the URL. */
  readonly schema: z.ZodType
  readonly example: string
  readonly repeated?: boolean
  readonly required?: boolean
}

export interface Body {
  readonly required: boolean
  /** Media type → what it holds; a schema of null is a text. */
  readonly content: Readonly<Record<string, { readonly schema: z.ZodType | null; readonly example: unknown }>>
}

export interface Answer {
  readonly status: number
  readonly description: string
  /** Media type → what it holds; none: an answer without a body. A schema of null is a text or bytes. */
  readonly content?: Readonly<Record<string, { readonly schema: z.ZodType | null; readonly example?: unknown }>>
}
