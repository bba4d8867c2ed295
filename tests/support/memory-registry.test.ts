import { adminKey, registryContract } from '../contract/registry.ts'
import { openMemoryRegistry } from './memory-registry.ts'

registryContract('registry in memory', async ({ clock }) => openMemoryRegistry({ clock, adminSecret: adminKey }))
