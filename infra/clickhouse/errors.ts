import { QueryTooLarge, StoreRefused, StoreUnavailable, WaymarkError } from '../../domain/errors.ts'

/** Codes of ClickHouse that say: this query ran into its limits. */
const tooLarge = new Set([
  '158', // TOO_MANY_ROWS
  '159', // TIMEOUT_EXCEEDED
  '160', // TOO_SLOW
  '241', // MEMORY_LIMIT_EXCEEDED
  '307', // TOO_MANY_BYTES
  '396', // TOO_MANY_ROWS_OR_BYTES
])

/** Codes that say: not now. */
const unavailable = new Set([
  '74', // CANNOT_READ_FROM_FILE_DESCRIPTOR
  '75', // CANNOT_WRITE_TO_FILE_DESCRIPTOR: a full disk, in process
  '76', // CANNOT_OPEN_FILE
  '202', // TOO_MANY_SIMULTANEOUS_QUERIES
  '209', // SOCKET_TIMEOUT
  '210', // NETWORK_ERROR
  '212', // NO_ZOOKEEPER
  '236', // ABORTED
  '242', // TABLE_IS_READ_ONLY
  '243', // NOT_ENOUGH_SPACE
  '252', // TOO_MANY_PARTS
  '279', // ALL_CONNECTION_TRIES_FAILED
  '285', // TOO_FEW_LIVE_REPLICAS
  '319', // UNKNOWN_STATUS_OF_INSERT
  '1000', // POCO_EXCEPTION: the file system, in process
  '1001', // STD_EXCEPTION: the file system, in process
])

/** The one place where an error of ClickHouse, its client or the network becomes one of ours. */
export function storeError(error: unknown): WaymarkError {
  if (error instanceof WaymarkError) return error
  const code = clickHouseCode(error)
  if (code !== undefined) {
    if (tooLarge.has(code)) return new QueryTooLarge('the query ran into its limits', { cause: error })
    if (unavailable.has(code))
      return new StoreUnavailable(`ClickHouse cannot do this now (code ${code})`, {
        cause: error,
        retryAfterSeconds: 5,
      })
    return new StoreRefused(`ClickHouse refused the statement (code ${code})`, { cause: error })
  }
  return new StoreUnavailable('ClickHouse did not answer', { cause: error, retryAfterSeconds: 5 })
}

/** By its shape: the client, the in-process connection and its raw inserts each have an error of their own. */
function clickHouseCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('clickhouseCode' in error && typeof error.clickhouseCode === 'number') return String(error.clickhouseCode)
  if (!('code' in error) || !('type' in error)) return undefined
  return typeof error.code === 'string' && /^\d+$/.test(error.code) ? error.code : undefined
}
