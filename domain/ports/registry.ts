import type { Service, ServiceInput } from '../service.ts'
import type { Key, NewKey } from '../key.ts'

/** Service definitions and keys: kept as versions in ClickHouse, held in memory by whoever asks often. */
export interface Registry {
  /** The current definition; `undefined` when there is none or it was deleted. @throws {StoreUnavailable} */
  service(id: string): Promise<Service | undefined>
  services(filter?: { department?: string }): Promise<readonly Service[]>
  /** One version of it, deleted or not. */
  serviceVersion(id: string, version: number): Promise<Service | undefined>
  /** Every step name of any version: these are always accepted. */
  stepNames(id: string): Promise<ReadonlySet<string>>
  /** A changed funnel is a new version; two at once: the last one wins. */
  putService(id: string, input: ServiceInput, options?: { sample?: boolean }): Promise<Service>
  /**
   * Calls `listener` with the new definition after every PUT that is durable, the same funnel or another.
   * @returns takes the listener away
   */
  onPut(listener: (service: Service) => void): () => void
  /** Stops intake and hides it. `false` when there was none. */
  deleteService(id: string): Promise<boolean>
  /** The key with this secret, compared in constant time; `undefined` when there is none or it was revoked. */
  keyBySecret(secret: string): Promise<Key | undefined>
  keys(): Promise<readonly Key[]>
  createKey(key: NewKey): Promise<{ key: Key; secret: string }>
  deleteKey(id: string): Promise<boolean>
}
