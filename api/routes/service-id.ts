import { slug } from '../../domain/key.ts'

export const serviceIdParameter = {
  id: { description: 'Id of the service', schema: slug, example: 'renew-fishing-licence' },
} as const
