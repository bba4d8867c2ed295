import { ConfigError } from '../config-error.ts'
import { LogUnavailable } from '../../domain/errors.ts'

export const retryAfterSeconds = 5

/** The code of the brokers or of the network, wherever in the chain of causes it stands. */
export function codeOf(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 6; at = at.cause, depth++) {
    if ('type' in at && typeof at.type === 'string') return at.type
    if ('code' in at && typeof at.code === 'string') return at.code
    if (at.name === 'KafkaJSSASLAuthenticationError') return 'SASL_AUTHENTICATION_FAILED'
    const aggregated: unknown = 'errors' in at && Array.isArray(at.errors) ? at.errors[0] : undefined
    if (aggregated instanceof Error && at.cause === undefined) return codeOf(aggregated)
  }
  return error instanceof Error ? error.name : 'unknown'
}

/** What to do about codes that no waiting cures. */
const permanent: Readonly<Record<string, string>> = {
  SASL_AUTHENTICATION_FAILED:
    'KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD is refused by the brokers: expected credentials that they know',
  UNSUPPORTED_SASL_MECHANISM:
    'KAFKA_SASL_MECHANISM is not offered by the brokers: expected one that they have switched on',
  ILLEGAL_SASL_STATE:
    'KAFKA_SASL_MECHANISM is set for a listener without authentication: expected it unset, or another port',
  TOPIC_AUTHORIZATION_FAILED:
    'KAFKA_TOPIC: the user may not use it; expected the rights to describe, create, read and write the topic and its dead letters',
  GROUP_AUTHORIZATION_FAILED:
    'KAFKA_TOPIC: the user may not use the consumer group of that name; expected the right to read it',
  CLUSTER_AUTHORIZATION_FAILED:
    'KAFKA_TOPIC: the user may not create topics or write idempotently; expected these rights, or a topic made beforehand',
  INVALID_TOPIC_EXCEPTION:
    'KAFKA_TOPIC is no name that the brokers allow: expected letters, digits, dots, underscores and hyphens',
  INVALID_REPLICATION_FACTOR:
    'KAFKA_TOPIC: the brokers do not make a topic with so many copies; expected a topic made beforehand',
  POLICY_VIOLATION:
    'KAFKA_TOPIC: a policy of the brokers forbids the topic that would be made; expected a topic made beforehand',
}

/** The one place where an error of Kafka becomes one that stops the start, when it is one. */
export function configErrorOf(error: unknown): ConfigError | undefined {
  if (error instanceof ConfigError) return error
  const what = permanent[codeOf(error)]
  return what === undefined ? undefined : new ConfigError(what, { cause: error })
}

/** The one place where an error of Kafka becomes one of the port. */
export function unavailableOf(error: unknown): LogUnavailable {
  if (error instanceof LogUnavailable) return error
  return new LogUnavailable(`the brokers do not take the events: ${codeOf(error)}`, { cause: error, retryAfterSeconds })
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
