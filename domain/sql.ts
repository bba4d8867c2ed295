/**
 * SQL as a value: text and bound parameters. Values travel only as `{name:Type}`; identifiers come only from
 * code. Fragments nest, so the funnel compiler and the queries compose without seeing each other's names.
 */
export interface Sql {
  readonly parts: readonly (string | SqlParam)[]
}

export interface SqlParam {
  /** ClickHouse type, such as `String`, `Int64`, `Array(String)`. */
  readonly type: string
  readonly value: SqlValue
}

export type SqlValue = string | number | bigint | boolean | readonly SqlValue[]

/** A bound value of a ClickHouse type. */
export function param(type: string, value: SqlValue): SqlParam {
  return { type, value }
}

/** Text that is code, such as an identifier from a constant map. Never a caller's words. */
export function raw(text: string): Sql {
  return { parts: [text] }
}

export function sql(strings: TemplateStringsArray, ...values: (Sql | SqlParam)[]): Sql {
  const parts: (string | SqlParam)[] = []
  strings.forEach((text, index) => {
    parts.push(text)
    const value = values[index]
    if (value === undefined) return
    if ('parts' in value) parts.push(...value.parts)
    else parts.push(value)
  })
  return { parts }
}

export function join(fragments: readonly (Sql | SqlParam)[], separator: string): Sql {
  return {
    parts: fragments.flatMap((fragment, index) => [
      ...(index === 0 ? [] : [separator]),
      ...('parts' in fragment ? fragment.parts : [fragment]),
    ]),
  }
}

/** Values of an array that are compared one by one. */
const comparedMax = 200

/** The statement as ClickHouse takes it. Equal values of one type share a parameter, so it is bound once. */
export function render(statement: Sql): { query: string; params: Record<string, SqlValue> } {
  const params: Record<string, SqlValue> = {}
  const names = new Map<string, string>()
  // A long array that is bound twice is nearly always the same one, and comparing it would cost more than binding it.
  const longNames = new Map<SqlValue, string>()
  let query = ''
  for (const part of statement.parts) {
    if (typeof part === 'string') {
      query += part
      continue
    }
    const isLong = Array.isArray(part.value) && part.value.length > comparedMax
    if (isLong) {
      let name = longNames.get(part.value)
      if (name === undefined) {
        name = `long${longNames.size}`
        longNames.set(part.value, name)
        params[name] = part.value
      }
      query += `{${name}:${part.type}}`
      continue
    }
    const identity = `${part.type}\0${JSON.stringify(part.value, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))}`
    let name = names.get(identity)
    if (name === undefined) {
      name = `p${names.size}`
      names.set(identity, name)
      params[name] = part.value
    }
    query += `{${name}:${part.type}}`
  }
  return { query, params }
}
