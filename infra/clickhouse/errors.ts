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

/**
 * Codes that say: not now. Nothing is wrong with the statement, so who sent it waits and sends it again; what was
 * refused for good would be set aside (processor/set-aside.ts), and events with it.
 */
const unavailable = new Set([
  '74', // CANNOT_READ_FROM_FILE_DESCRIPTOR
  '75', // CANNOT_WRITE_TO_FILE_DESCRIPTOR: a full disk, in process
  '76', // CANNOT_OPEN_FILE
  '81', // UNKNOWN_DATABASE: dropped, or not restored yet
  '164', // READONLY: of the user or the server, until somebody changes that
  '192', // UNKNOWN_USER
  '193', // WRONG_PASSWORD
  '194', // REQUIRED_PASSWORD
  '201', // QUOTA_EXCEEDED
  '202', // TOO_MANY_SIMULTANEOUS_QUERIES
  '203', // NO_FREE_CONNECTION
  '204', // CANNOT_FSYNC
  '209', // SOCKET_TIMEOUT
  '210', // NETWORK_ERROR
  '225', // NO_ZOOKEEPER
  '236', // ABORTED
  '242', // TABLE_IS_READ_ONLY
  '243', // NOT_ENOUGH_SPACE
  '252', // TOO_MANY_PARTS
  '254', // NO_ACTIVE_REPLICAS
  '279', // ALL_CONNECTION_TRIES_FAILED
  '285', // TOO_FEW_LIVE_REPLICAS
  '286', // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  '319', // UNKNOWN_STATUS_OF_INSERT
  '394', // QUERY_WAS_CANCELLED: by an administrator, or since the server stops
  '439', // CANNOT_SCHEDULE_TASK
  '473', // DEADLOCK_AVOIDED
  '497', // ACCESS_DENIED
  '499', // S3_ERROR
  '516', // AUTHENTICATION_FAILED: the password was changed
  '692', // TOO_MANY_MUTATIONS
  '735', // QUERY_WAS_CANCELLED_BY_CLIENT
  '745', // SERVER_OVERLOADED
  '999', // KEEPER_EXCEPTION
  '1000', // POCO_EXCEPTION: the file system, in process
  '1001', // STD_EXCEPTION: the file system, in process
])

/** The one place where an error of ClickHouse, its client or the network becomes one of ours. */
export function storeError(error: unknown): WaymarkError {
  if (error instanceof WaymarkError) return error
  const code = clickHouseCode(error)
  if (code !== undefined) {
    const words = error instanceof Error ? error.message : ''
    // 1000 too: a value that does not fit a field of an HTTP request will not fit the next time either.
    if (/HTML ?Form ?Exception/.test(words)) return new StoreRefused('ClickHouse refused the request', { cause: error })
    if (tooLarge.has(code)) return new QueryTooLarge('the query ran into its limits', { cause: error })
    if (unavailable.has(code)) return unavailableNow(code, error)
    return new StoreRefused(`ClickHouse refused the statement (code ${code})`, { cause: error })
  }
  return new StoreUnavailable('ClickHouse did not answer', { cause: error, retryAfterSeconds: 5 })
}

function unavailableNow(code: string, cause: unknown): StoreUnavailable {
  return new StoreUnavailable(`ClickHouse cannot do this now (code ${code})`, { cause, retryAfterSeconds: 5 })
}

/** By its shape: the client, the in-process connection and its raw inserts each have an error of their own. */
export function clickHouseCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('clickhouseCode' in error && typeof error.clickhouseCode === 'number') return String(error.clickhouseCode)
  if (!('code' in error) || !('type' in error)) return undefined
  return typeof error.code === 'string' && /^\d+$/.test(error.code) ? error.code : undefined
}
