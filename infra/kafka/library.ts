import type * as KafkaJs from 'kafkajs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * Of kafkajs, what Node does not find by name: of a module of the old kind it sees exports only up to the first that is
 * no plain name, while the types promise all. Under a test runner, which loads it otherwise, nobody notices.
 */
export const { CompressionCodecs, ConfigResourceTypes } = require('kafkajs') as typeof KafkaJs
